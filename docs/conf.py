"""The site of docs/: Sphinx, Furo and MyST. Neither a build nor a page needs the network."""

import re

import django_iot_ingest

project = "django-iot-ingest"
author = "django-iot-ingest contributors"
version = release = django_iot_ingest.__version__
language = "en"

extensions = ["myst_parser"]
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False

ABOVE = {"README": "index", "CHANGELOG": "changelog", "CONTRIBUTING": "contributing"}
ABOVE |= {"SECURITY": "security", "clients/README": "clients"}
"""Files in the folder above, by which pages link on a code host, and their pages on the site."""

_LINK = re.compile(rf"\]\((?:\.\./)+({'|'.join(ABOVE)})\.md")


def link_to_pages(app, docname, source):
    """Let links to the files above lead to their pages."""
    source[0] = _LINK.sub(lambda found: f"](/{ABOVE[found[1]]}.md", source[0])


def link_from_clients(app, relative_path, parent_docname, content):
    """Let the page about senders lead to them: its links begin in their folder."""
    if parent_docname == "clients":
        content[0] = re.sub(r"\]\((?=[a-z]+/)", "](../clients/", content[0])


def setup(app):
    app.connect("source-read", link_to_pages)
    app.connect("include-read", link_from_clients)
    return {"parallel_read_safe": True}
