"""Log-in for the gateway and for administrators, and the health check."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import RefreshToken

from fleet.answers import refusal, success
from fleet.bodies import UnusableBody, read_texts
from fleet.login import find_user


@method_decorator(csrf_exempt, name="dispatch")
class JsonPostView(View):
    """Take a JSON object with some texts, whatever the content type says."""

    http_method_names = ["post"]
    fields: ClassVar[tuple[str, ...]]

    def post(self, request: HttpRequest) -> JsonResponse:
        try:
            texts = read_texts(request, self.fields)
        except UnusableBody:
            return refusal(400, f"A JSON object with the texts {', '.join(self.fields)} is needed")
        return self.answer(*texts)

    def answer(self, *texts: str) -> JsonResponse:
        raise NotImplementedError


class LoginView(JsonPostView):
    """``POST {"email", "password"}``: a new pair of tokens. Earlier ones stay as they are.

    The gateway logs in once per thread, so revoking would lock its other threads out.
    """

    fields = ("email", "password")

    def answer(self, *texts: str) -> JsonResponse:
        user = find_user(self.request, *texts)
        if user is None:
            return refusal(401, "Wrong e-mail address or password")
        if not user.is_staff:
            return refusal(403, "Staff only")
        refresh = RefreshToken.for_user(user)
        return success(access_token=str(refresh.access_token), refresh_token=str(refresh))


class RefreshView(JsonPostView):
    """``POST {"refresh_token"}``: a new access token, while the user may still log in."""

    fields = ("refresh_token",)

    def answer(self, *texts: str) -> JsonResponse:
        try:
            refresh = RefreshToken(texts[0])  # type: ignore[arg-type]
            user: Any = JWTAuthentication().get_user(refresh)
        except (TokenError, AuthenticationFailed):
            return refusal(401, "The refresh token is not valid, or not any more")
        if not user.is_staff:
            return refusal(403, "Staff only")
        return success(access_token=str(refresh.access_token), refresh_token=str(refresh))


@method_decorator(never_cache, name="dispatch")
class HealthView(View):
    """``GET``: 200 while the database answers, otherwise 503."""

    def get(self, request: HttpRequest, *args: Any) -> HttpResponse:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            return JsonResponse({"status": "unavailable"}, status=503)
        return JsonResponse({"status": "ok"})
