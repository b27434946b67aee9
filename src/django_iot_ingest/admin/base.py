"""What all pages share: the style sheet, and rows that are read and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

if TYPE_CHECKING:
    AdminBase = admin.ModelAdmin[Any]
else:
    AdminBase = object
"""What a mixin is mixed into."""


class StyledMixin(AdminBase):
    """Add the plugin's style sheet to whatever a host's ``Media`` brings."""

    @property
    def media(self) -> forms.Media:
        """Add our style sheet to whatever the page needs besides."""
        ours = forms.Media(css={"all": ["django_iot_ingest/admin.css"]})
        return super().media + ours


class ReadOnlyMixin(StyledMixin):
    """Show rows that nobody edits: what was recorded stays as it was recorded."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let nobody add a row."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody change a row; who may view it still can."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let nobody delete a row."""
        return False
