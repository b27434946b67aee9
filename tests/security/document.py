"""Our OpenAPI document, as drf-spectacular generates it for a project that has only our endpoint.

``python -m tests.security.document`` writes it to ``docs/openapi.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "openapi.json"
OPENAPI_30, OPENAPI_31 = "3.0.3", "3.1.0"


def generate(version: str = OPENAPI_31, **settings: Any) -> dict[str, Any]:
    """Return the document in one version of OpenAPI; needs Django to be set up."""
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
        document: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return document


def encode(document: dict[str, Any]) -> str:
    """Return the text of the file."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    """Write the file."""
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    DOCUMENT.write_text(encode(generate()), encoding="utf-8")


if __name__ == "__main__":
    main()
