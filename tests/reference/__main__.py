"""``python -m tests.reference --write``: put the generated parts into the pages, on SQLite."""

from __future__ import annotations

import logging
import os
import sys


def main() -> int:
    """Write every page; return the exit code."""
    import django
    from django.db import connection

    django.setup()
    from tests.reference.pages import PAGES, path, written

    if sys.argv[1:] != ["--write"]:
        print("usage: python -m tests.reference --write", file=sys.stderr)
        return 2
    logging.disable()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        made = {page: parts() for page, parts in PAGES.items()}
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    for page, parts in made.items():
        path(page).write_text(written(path(page).read_text("utf-8"), parts), "utf-8")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    sys.exit(main())
