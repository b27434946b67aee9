"""What drf-spectacular is told; importing this module registers it.

A host's own view or authentication class, if it is a subclass of ours, is described the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from drf_spectacular.settings import spectacular_settings

from django_iot_ingest.openapi import answers, schemas
from django_iot_ingest.openapi.schemas import PREFIX


class StationDataSchema(AutoSchema):  # type: ignore[misc]
    """Describe the operation by our own dictionaries; there are no serializers to look at."""

    def get_operation_id(self) -> str:
        """Return the name that a generated client gives the call."""
        return "iot_ingest_station_data"

    def get_summary(self) -> str:
        """Return the title of the operation."""
        return "Receive what a station reports"

    def get_description(self) -> str:
        """Return what a reader has to know first."""
        return "Only status 200 means success. An answer never echoes anything of the request."

    def get_tags(self) -> list[str]:
        """Return the group in which the operation stands."""
        return ["IoT ingest"]

    def get_request_serializer(self) -> None:
        """Return none: the body is described by schemas of our own."""

    def get_response_serializers(self) -> dict[str, Any]:
        """Return none: the answers are described by schemas of our own."""
        return {}

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> dict[str, Any] | None:
        """Return the operation, and register its components; None if the host excludes it."""
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None:
            return None
        for component in components():
            registry.register_on_missing(component)
        return {
            **operation,
            "parameters": [*operation.get("parameters", []), *in_dialect(schemas.PARAMETERS)],
            "requestBody": in_dialect(schemas.REQUEST_BODY),
            "responses": in_dialect(answers.RESPONSES),
        }


class StationDataView(OpenApiViewExtension):  # type: ignore[misc]
    """Describe the endpoint."""

    target_class = "django_iot_ingest.views.StationDataInternalView"
    match_subclasses = True

    def view_replacement(self) -> type[Any]:
        """Return the view with our schema, which its class does not know."""

        class Described(self.target):  # type: ignore[misc,name-defined]
            schema = StationDataSchema()

        return Described


class SignatureScheme(OpenApiAuthenticationExtension):  # type: ignore[misc]
    """Ask for the bearer token and the signature, both of them."""

    target_class = "django_iot_ingest.authentication.SignatureAuthentication"
    match_subclasses = True
    name = list(schemas.SECURITY_SCHEMES)

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """Return the schemes of the bearer and of both signature headers."""
        return list(in_dialect(schemas.SECURITY_SCHEMES).values())


def components() -> Iterator[ResolvedComponent]:
    """Yield the component of each schema."""
    for name, schema in {**schemas.SCHEMAS, **answers.SCHEMAS}.items():
        full_name = f"{PREFIX}{name}"
        yield ResolvedComponent(
            name=full_name,
            type=ResolvedComponent.SCHEMA,
            schema=in_dialect(schema),
            object=full_name,
        )


def in_dialect(value: Any) -> Any:
    """Return a copy in the dialect of the project's ``OAS_VERSION``; a hook may write into it."""
    return copied(value, to_openapi_30=spectacular_settings.OAS_VERSION.startswith("3.0"))


def copied(value: Any, *, to_openapi_30: bool) -> Any:
    """Copy dictionaries and lists; OpenAPI 3.0 knows neither ``const`` nor a list of types."""
    if isinstance(value, list):
        return [copied(item, to_openapi_30=to_openapi_30) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: copied(item, to_openapi_30=to_openapi_30) for name, item in value.items()}
    if to_openapi_30 and isinstance(result.get("type"), list):
        result["type"], result["nullable"] = result["type"][0], True
    if to_openapi_30 and "const" in result:
        result["allOf"] = [{"enum": [result.pop("const")]}]
    return result
