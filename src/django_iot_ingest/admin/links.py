"""Links of a page into its admin site, where they lead somewhere for this user."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.db import models
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.html import format_html


class Links:
    """Ask once for each model whether it is registered, and whether the user may view it."""

    def __init__(self, site: AdminSite, request: HttpRequest) -> None:
        self._site = site
        self._request = request
        self._known: dict[type[models.Model], bool] = {}

    def may_view(self, model: type[models.Model]) -> bool:
        """Return whether the user may view rows of a model in this site."""
        if model not in self._known:
            self._known[model] = self._ask(model)
        return self._known[model]

    def to(self, row: models.Model | None) -> str:
        """Return the address of a row's page, or an empty text."""
        if row is None or not self.may_view(type(row)):
            return ""
        return self._reverse(type(row), "change", quote(row.pk))

    def to_list(self, model: type[models.Model], **filters: str) -> str:
        """Return the address of a model's list, filtered, or an empty text."""
        if not self.may_view(model):
            return ""
        query = QueryDict(mutable=True)
        query.update(filters)
        address = self._reverse(model, "changelist")
        return f"{address}?{query.urlencode()}" if filters else address

    def anchor(self, row: models.Model | None, text: object) -> str:
        """Return a text that leads to a row's page, or the text alone."""
        address = self.to(row)
        return format_html('<a href="{}">{}</a>', address, text) if address else str(text)

    def _ask(self, model: type[models.Model]) -> bool:
        if not self._site.is_registered(model):
            return False
        return self._site.get_model_admin(model).has_view_permission(self._request)

    def _reverse(self, model: type[models.Model], page: str, *args: Any) -> str:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
        return reverse(name, args=args, current_app=self._site.name)
