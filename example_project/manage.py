#!/usr/bin/env python
"""Run a management command of the example project, from whatever folder."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # It says what to set; where in the code that was noticed would only hide it.
        sys.exit(f"The project is not configured: {error}")


if __name__ == "__main__":
    main()
