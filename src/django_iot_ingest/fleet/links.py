"""Links into the admin site, where the model is registered and the user may look at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Links:
    """The links that one request may show. Rows are named by their keys, never by a serial."""

    site: AdminSite
    request: HttpRequest
    _allowed: dict[type[Model], bool] = field(default_factory=dict)

    def to(self, model: type[Model], pk: Any) -> str:
        """Return the address of a row's page, or an empty text."""
        return self._if_allowed(model, lambda: self._reverse(model, "change", pk))

    def to_list(self, model: type[Model], **lookups: Any) -> str:
        """Return the address of the filtered list of a model, or an empty text."""
        query = f"?{urlencode(lookups)}" if lookups else ""
        address = self._if_allowed(model, lambda: self._reverse(model, "changelist"))
        return address and address + query

    def _if_allowed(self, model: type[Model], address: Callable[[], str]) -> str:
        if model not in self._allowed:
            admin = self.site._registry.get(model)
            self._allowed[model] = bool(admin and admin.has_view_permission(self.request))
        return address() if self._allowed[model] else ""

    def _reverse(self, model: type[Model], page: str, *args: Any) -> str:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"
        try:
            return reverse(name, args=args, current_app=self.site.name)
        except NoReverseMatch:
            # An admin of the host's that has no such page.
            return ""
