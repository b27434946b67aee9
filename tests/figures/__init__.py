"""The figures of ``docs/explanation/scale.md``: ``python -m tests.figures``, and ``--write`` for the page.

They are taken on a PostgreSQL of its own with the server's own defaults, since the log that it
writes is counted. Bytes, rows and statements are what they are on any machine; times are not.
"""
