"""The log-in, as the gateway needs it, and whatever else is posted to it."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

from django.contrib.auth.models import User
from django.db import OperationalError
from rest_framework_simplejwt.tokens import AccessToken

from django_iot_ingest.testing import GatewayClient, full_snapshot
from fleet.tests.gateway import EMAIL, PASSWORD, GatewayTestCase

LOGIN, REFRESH = "/api/admin/login", "/api/admin/refresh"

STRANGE_BODIES = [
    b"",
    b"null",
    b"[]",
    b'"text"',
    b"12",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    b"1" * 5_000,
    b'{"email": null, "password": null}',
    b'{"email": ["a"], "password": {"b": 1}}',
    b'{"email": "", "password": ""}',
    b'{"email": "a\\u0000b", "password": "x"}',
    b'{"email": "a@b.c", "password": "\\ud800"}',
    b'{"refresh_token": "\\udfff"}',
    b'{"refresh_token": 5}',
    b" " * 3_000_000,
]


class LoginTests(GatewayTestCase):
    def log_in_as(self, email: str, password: str = PASSWORD) -> int:
        return self.post(LOGIN, {"email": email, "password": password}).status_code

    def test_the_answer_is_what_the_gateway_needs(self) -> None:
        answer = self.post(LOGIN, {"email": EMAIL, "password": PASSWORD})
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(set(answer.json()), {"success", "data"})
        self.assertIs(answer.json()["success"], True)
        self.assertEqual(set(answer.json()["data"]), {"access_token", "refresh_token"})

    def test_a_token_lives_60_minutes(self) -> None:
        token = AccessToken(self.gateway.token)
        self.assertEqual(token["exp"] - token["iat"], timedelta(minutes=60).total_seconds())

    def test_a_login_leaves_earlier_tokens_alone(self) -> None:
        earlier = self.gateway.log_in()
        self.gateway.log_in()
        GatewayClient(token=earlier).send(full_snapshot())

    def test_letter_case_of_the_address_does_not_matter(self) -> None:
        self.assertEqual(self.log_in_as(EMAIL.upper()), 200)

    def test_wrong_credentials_are_401(self) -> None:
        for email, password in [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD)]:
            answer = self.post(LOGIN, {"email": email, "password": password})
            self.assertEqual((answer.status_code, answer.json()["success"]), (401, False))

    def test_an_unknown_address_costs_one_hash_as_a_wrong_password_does(self) -> None:
        hasher = "django.contrib.auth.hashers.MD5PasswordHasher.encode"
        for email in (EMAIL, "nobody@example.com"):
            with patch(hasher, return_value="") as encode:
                self.log_in_as(email, "wrong")
            self.assertEqual(encode.call_count, 1, email)

    def test_only_staff_logs_in(self) -> None:
        self.assertEqual(self.log_in_as("renter@example.com"), 403)

    def test_an_inactive_user_does_not_log_in(self) -> None:
        User.objects.filter(pk=self.admin.pk).update(is_active=False)
        self.assertEqual(self.log_in_as(EMAIL), 401)

    def test_users_who_share_an_address_are_told_apart_by_password(self) -> None:
        User.objects.create_user("namesake", EMAIL.title(), "another-password")
        self.assertEqual(self.log_in_as(EMAIL), 200)
        self.assertEqual(self.log_in_as(EMAIL, "another-password"), 403)

    def test_users_without_an_address_do_not_log_in(self) -> None:
        User.objects.create_superuser("nameless", "", PASSWORD)
        self.assertEqual(self.log_in_as(""), 400)

    def test_no_body_is_too_strange(self) -> None:
        for path in (LOGIN, REFRESH):
            for body in STRANGE_BODIES:
                with self.subTest(path=path, body=body[:40]):
                    answer = self.post(path, body)
                    self.assertEqual((answer.status_code, answer.json()["success"]), (400, False))

    def test_a_get_is_405(self) -> None:
        self.assertEqual(self.client.get(LOGIN).status_code, 405)


class RefreshTests(GatewayTestCase):
    def setUp(self) -> None:
        super().setUp()
        answer = self.post(LOGIN, {"email": EMAIL, "password": PASSWORD})
        self.tokens = answer.json()["data"]

    def refresh(self, token: str) -> int:
        answer = self.post(REFRESH, {"refresh_token": token})
        self.assertIs(answer.json()["success"], answer.status_code == 200)
        return answer.status_code

    def test_a_refresh_token_gives_an_access_token_that_works(self) -> None:
        answer = self.post(REFRESH, {"refresh_token": self.tokens["refresh_token"]})
        self.assertEqual(answer.status_code, 200)
        token = answer.json()["data"]["access_token"]
        GatewayClient(token=token).send(full_snapshot())

    def test_anything_else_does_not(self) -> None:
        for token in ("x", "x.y.z", "☕", self.tokens["access_token"]):
            self.assertEqual(self.refresh(token), 401, token)

    def test_who_may_not_log_in_any_more_may_not_refresh(self) -> None:
        User.objects.filter(pk=self.admin.pk).update(is_staff=False)
        self.assertEqual(self.refresh(self.tokens["refresh_token"]), 403)
        User.objects.filter(pk=self.admin.pk).update(is_active=False)
        self.assertEqual(self.refresh(self.tokens["refresh_token"]), 401)
        User.objects.filter(pk=self.admin.pk).delete()
        self.assertEqual(self.refresh(self.tokens["refresh_token"]), 401)


class HealthTests(GatewayTestCase):
    def test_it_says_whether_the_database_answers(self) -> None:
        self.assertEqual(self.client.get("/healthz").status_code, 200)
        with patch("fleet.views.connection.cursor", side_effect=OperationalError):
            self.assertEqual(self.client.get("/healthz").status_code, 503)
