"""Operators in the admin: whoever may do what, and pages as they read them."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from django_iot_ingest.models import IngestEvent

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
SHAPES = {"circle", "line", "path", "rect", "use"}


def superuser(name: str = "chief") -> Client:
    """Return a client that is logged in as a new superuser."""
    return _logged_in(get_user_model().objects.create_superuser(username=name))


def operator(*codenames: str, name: str = "operator") -> Client:
    """Return a client that is logged in as a new operator with these permissions alone."""
    user = get_user_model().objects.create_user(username=name, is_staff=True)
    permissions = list(Permission.objects.filter(codename__in=codenames))
    assert {one.codename for one in permissions} == set(codenames)
    user.user_permissions.set(permissions)
    return _logged_in(user)


def url(model: type[Any], page: str = "changelist", *args: Any) -> str:
    """Return the address of one of a model's pages."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def page(client: Client, row: Any) -> Page:
    """Return the page of a row, which has to be there."""
    return Page.of(client.get(url(type(row), "change", row.pk)))


def form_data(response: Any) -> dict[str, Any]:
    """Return what a browser would send back of a form that nobody has touched."""
    form = response.context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value not in (None, False)}


def statements(context: Any, word: str) -> list[str]:
    """Return the captured statements that begin with a word."""
    return [one["sql"] for one in context.captured_queries if one["sql"].startswith(word)]


def event(**values: Any) -> IngestEvent:
    """Create a row of the inbox as it is given."""
    import hashlib

    from django.utils import timezone

    now = timezone.now()
    body = values.get("body", b'{"type":"full"}')
    defaults: dict[str, Any] = {
        "event_type": "full",
        "device_serial": "860000000000017",
        "event_time": now,
        "received_at": now,
        "signed_at": int(now.timestamp()),
        "body": body,
        "sha256": hashlib.sha256(body).hexdigest(),
        "state": IngestEvent.State.APPLIED,
    }
    return IngestEvent.objects.create(**(defaults | values))


class Page(HTMLParser):
    """One page: its text, links and headings; an ``AssertionError`` where its HTML is not in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.html = html
        self.open: list[str] = []
        self.ids: list[str] = []
        self.referred: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self.headings: list[int] = []
        self.links: dict[str, str] = {}
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._link = ""
        self.feed(html)
        self.close()
        assert not self.open, self.open

    @classmethod
    def of(cls, response: Any) -> Page:
        """Return the page that a view has answered, whole."""
        assert response.status_code == 200, (response.status_code, response.get("Location"))
        assert response["Content-Type"] == "text/html; charset=utf-8"
        return cls(response.content.decode())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), f"an attribute twice in <{tag} {attrs}>"
        if tag == "form":
            assert "form" not in self.open, "a form in a form"
        self.tags.append((tag, found))
        self._note(tag, found)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        assert tag in VOID | SHAPES, f"<{tag}/>"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()
        if tag == "a":
            self._link = ""

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)
            if self._link:
                self.links[self._link] = f"{self.links[self._link]}{data}".strip()

    def check(self) -> None:
        """Assert what a screen reader needs: headings in order, names for fields, ids that are."""
        twice = {one for one in self.ids if self.ids.count(one) > 1}
        assert not twice, twice
        assert set(self.referred) <= set(self.ids), set(self.referred) - set(self.ids)
        assert self.headings.count(1) == 1, self.headings
        pairs = zip(self.headings, self.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in pairs), self.headings
        for name, found in self.tags:
            if name == "th" and not found.get("class", "").startswith("field-"):
                assert found.get("scope") in ("row", "col"), found  # Django's own have none
            assert "style" not in found, f"a strict policy would not show it: {found}"
        for field in self.fields:
            is_named = field.get("id") in self.labels or "aria-label" in field
            assert is_named or "title" in field or "aria-labelledby" in field, field

    def of_class(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of what has a class."""
        return [found for _, found in self.tags if name in found.get("class", "").split()]

    def _note(self, tag: str, found: dict[str, str]) -> None:
        if "id" in found:
            self.ids.append(found["id"])
        # What an input of Django's is described by can be made by its script.
        self.referred += found.get("aria-labelledby", "").split()
        if tag == "label" and "for" in found:
            self.labels.add(found["for"])
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.headings.append(int(tag[1]))
        if tag == "a" and "href" in found:
            self._link = found["href"]
            self.links.setdefault(self._link, "")
        if tag in ("input", "select", "textarea"):
            is_typed = found.get("type", "text") not in ("hidden", "submit", "button")
            self.fields += [found] if is_typed and "label" not in self.open else []


def _logged_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client
