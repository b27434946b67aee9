"""The bytes of a kept body, for a download that no browser shows as a page."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from django_iot_ingest.admin.base import AdminBase
from django_iot_ingest.admin.bodies import ShownBody, shown

HEADERS = {
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


class RawBodyMixin(AdminBase):
    """Show the ``body`` of a row, and give its bytes to whoever may view the row."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page that answers the body as it came."""
        view = self.admin_site.admin_view(self.body_view)
        name = self._body_url_name()
        return [path("<path:object_id>/body/", view, name=name), *super().get_urls()]

    def body_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer the body as it came."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            raise Http404
        name = f"{self.opts.model_name}-{row.pk}.bin"
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(bytes(row.body), headers=headers)

    def shown_body(self, row: Any) -> dict[str, ShownBody | str]:
        """Return what the page's template shows of a body."""
        name = f"admin:{self._body_url_name()}"
        address = reverse(name, args=(row.pk,), current_app=self.admin_site.name)
        return {"body": shown(bytes(row.body)), "body_url": address}

    def _body_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_body"
