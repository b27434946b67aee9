"""Our OpenAPI document, as drf-spectacular generates it for a project that has only our endpoint.

``python -m tests.security.document`` writes it to ``docs/reference/openapi.json``. ``Judge`` says what it
thinks of requests and answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

URI = "urn:openapi"
DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "openapi.json"
OPENAPI_30, OPENAPI_31 = "3.0.3", "3.1.0"


def generate(
    version: str = OPENAPI_31, patterns: list[Any] | None = None, **settings: Any
) -> dict[str, Any]:
    """Return the document in one version of OpenAPI, for the project's URLs or other ones.

    Needs Django to be set up.
    """
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings

    import django_iot_ingest
    from django_iot_ingest.openapi import extensions  # noqa: F401

    told = {
        "TITLE": "django-iot-ingest",
        "DESCRIPTION": "Receive signed station data from an IoT gateway, exactly once.",
        "VERSION": django_iot_ingest.__version__,
        "OAS_VERSION": version,
        **settings,
    }
    with patched_settings(told):
        document: dict[str, Any] = SchemaGenerator(patterns=patterns).get_schema(public=True)
    return document


def dump(document: dict[str, Any]) -> str:
    """Return the text of the file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


class Judge:
    """Compare values and answers with what a document says of our one operation."""

    def __init__(self, document: dict[str, Any]) -> None:
        from openapi_schema_validator import OAS30Validator, OAS31Validator
        from referencing import Registry
        from referencing.jsonschema import DRAFT202012

        (self.path, item), *_ = document["paths"].items()
        self.operation = item["post"]
        self.components = document["components"]
        resource = DRAFT202012.create_resource(document)
        self._registry = Registry().with_resource(URI, resource)
        is_old = document["openapi"].startswith("3.0")
        self._validator_class = OAS30Validator if is_old else OAS31Validator

    def errors(self, name: str, value: Any) -> list[str]:
        """Return what is wrong with a value, by a component's schema."""
        return self._errors({"$ref": f"{URI}#/components/schemas/IotIngest{name}"}, value)

    def errors_of(self, response: Any) -> list[str]:
        """Return what is wrong with an answer: status, type, headers, body."""
        path = f"#/paths/{self.path.replace('/', '~1')}/post/responses/{response.status_code}"
        told = self.operation["responses"].get(str(response.status_code))
        if told is None:
            return [f"status {response.status_code} is not documented"]
        media_type = response.headers.get("Content-Type", "none")
        if media_type not in told["content"]:
            return [f"type {media_type} is not documented"]
        schema = {"$ref": f"{URI}{path}/content/{media_type.replace('/', '~1')}/schema"}
        found = self._errors(schema, response.json())
        for name, header in told.get("headers", {}).items():
            value = response.headers.get(name)
            if value is not None:
                found += self._errors(header["schema"], value)
            elif header.get("required"):
                found.append(f"no {name}")
        return found

    def _errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        validator = self._validator_class(
            schema,
            registry=self._registry,
            format_checker=self._validator_class.FORMAT_CHECKER,
        )
        return [error.message for error in validator.iter_errors(value)]


def main() -> None:
    """Write the file."""
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    DOCUMENT.write_text(dump(generate()), encoding="utf-8")


if __name__ == "__main__":
    main()
