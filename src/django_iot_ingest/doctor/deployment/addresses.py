"""Where the endpoint is, and who may reach it: URL, host, proxies, allow-list."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.urls import resolve, reverse

from django_iot_ingest import hostnames, network
from django_iot_ingest.checks.project import URL_NAME
from django_iot_ingest.conf import ingest_settings
from django_iot_ingest.doctor.deployment.looks import Question, fault, ok, warning
from django_iot_ingest.doctor.deployment.senders import HERE, meta_of
from django_iot_ingest.doctor.findings import Finding, shown
from django_iot_ingest.hostnames import HostName
from django_iot_ingest.network import Address
from django_iot_ingest.views import StationDataInternalView

LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]
"""What Django lets in with DEBUG and no ALLOWED_HOSTS."""


def url(question: Question) -> Iterator[Finding]:
    """Yield where the endpoint is, and whether a request that goes there reaches it."""
    path = reverse(URL_NAME)
    view = getattr(resolve(path).func, "view_class", None)
    if view is None or not issubclass(view, StationDataInternalView):
        yield fault(
            "url",
            f"{path} leads to another view than the endpoint's.",
            "Put the include of django_iot_ingest.urls before the pattern that hides it.",
        )
    elif path.endswith("/"):
        yield fault("url", f"{path} ends in a slash.", "The gateway sends without: see urls.py.")
    else:
        yield ok("url", f"POST {path}, without a slash at its end.")


def redirects(question: Question) -> Iterator[Finding]:
    """Yield who would answer with a redirect, which the gateway takes for a failure."""
    if getattr(settings, "PREPEND_WWW", False):
        yield fault(
            "redirects",
            "PREPEND_WWW redirects every host without www.",
            "Let the gateway call the host with www., or leave PREPEND_WWW out.",
        )
    elif settings.SECURE_SSL_REDIRECT:
        yield _ssl_redirect()
    else:
        yield ok("redirects", "no setting makes one.")


def _ssl_redirect() -> Finding:
    if settings.SECURE_PROXY_SSL_HEADER or not ingest_settings.TRUSTED_PROXIES:
        return warning(
            "redirects",
            "SECURE_SSL_REDIRECT answers http:// with a redirect, which the gateway does not follow.",
            "Let the gateway call https://, or add the endpoint's path to SECURE_REDIRECT_EXEMPT.",
        )
    return fault(
        "redirects",
        "SECURE_SSL_REDIRECT is on behind a proxy, without SECURE_PROXY_SSL_HEADER: every request "
        "is redirected, those over https:// too.",
        'Write SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https"), and let the proxy set '
        "that header itself.",
    )


def host(question: Question) -> Iterator[Finding]:
    """Yield whether Django answers to the host that the gateway calls."""
    allowed = list(settings.ALLOWED_HOSTS)
    if not allowed and settings.DEBUG:
        allowed = LOCAL_HOSTS
    if not question.host:
        yield from _hosts(allowed)
    elif validate_host(split_domain_port(question.host)[0], allowed):
        yield ok("host", f"{shown(question.host)} is in ALLOWED_HOSTS.")
    else:
        yield fault(
            "host",
            f"{shown(question.host)} is not in ALLOWED_HOSTS: Django answers 400.",
            f"Add it to ALLOWED_HOSTS, which is {shown(allowed)}.",
        )


def _hosts(allowed: list[str]) -> Iterator[Finding]:
    if not allowed:
        yield fault(
            "host",
            "ALLOWED_HOSTS is empty: Django answers 400 to every request.",
            "Name the host that the gateway calls.",
        )
    else:
        yield ok("host", f"ALLOWED_HOSTS is {shown(allowed)}; --host asks about one.")


def proxies(question: Question) -> Iterator[Finding]:
    """Yield whether the project is behind a proxy that is not named to us."""
    trusted = list(ingest_settings.TRUSTED_PROXIES)
    signs = [
        name
        for name in ("SECURE_PROXY_SSL_HEADER", "USE_X_FORWARDED_HOST", "USE_X_FORWARDED_PORT")
        if getattr(settings, name, None)
    ]
    if trusted:
        yield ok("proxies", f"X-Forwarded-For is believed of {', '.join(trusted)}.")
    elif signs:
        yield warning(
            "proxies",
            f"{signs[0]} says that there is a proxy, but TRUSTED_PROXIES is empty: every request is "
            "judged by the proxy's address.",
            "Name the proxy's address in TRUSTED_PROXIES, if ALLOWED_IPS is to judge the gateway's.",
        )
    else:
        yield ok("proxies", "none is trusted: a request is judged by the address it comes from.")


def client(question: Question) -> Iterator[Finding]:
    """Yield by which address a request would be judged, and whether it is let in."""
    entries = list(ingest_settings.ALLOWED_IPS or ())
    if not question.remote_addr:
        number = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
        told = number if entries else "empty, which lets every address in"
        sent_from = meta_of(question)["REMOTE_ADDR"]
        ours = "" if sent_from == HERE else f" Our own request says it is {sent_from}."
        yield ok("client", f"ALLOWED_IPS: {told}; --remote-addr asks about an address.{ours}")
        return
    meta = meta_of(question)
    address = network.client_address(meta)
    judged = f"A request from {shown(question.remote_addr)}{_by_way(question)} is judged by"
    if address is None:
        yield fault("client", f"{judged} no address: it cannot be read.", _unreadable())
    elif network.is_allowed(meta):
        yield ok("client", f"{judged} {address}, which {_why_in(address, entries)}.")
    else:
        yield fault(
            "client",
            f"{judged} {address}, which no entry of ALLOWED_IPS matches: 403 IP_NOT_ALLOWED.",
            _way_in(question, address),
            f"ALLOWED_IPS is {shown(entries, 300)}.",
        )


def _by_way(question: Question) -> str:
    forwarded = question.forwarded_for
    return f" with X-Forwarded-For {shown(forwarded)}" if forwarded else ""


def _unreadable() -> str:
    return "Let the server set REMOTE_ADDR; behind a socket it is empty, unless a proxy's is set."


def _why_in(address: Address, entries: list[str]) -> str:
    """Return which entry of the allow-list matches."""
    if not entries:
        return "is let in, since ALLOWED_IPS is empty"
    for entry in entries:
        try:
            meaning = network.parse_entry(entry)
        except ValueError:
            continue
        is_name = isinstance(meaning, HostName)
        if is_name and hostnames.resolves_to([meaning], address):  # type: ignore[list-item]
            return f"{shown(entry)} resolves to"
        if not is_name and address in meaning:  # type: ignore[operator]
            return f"the entry {shown(entry)} lets in"
    return "is let in"


def _way_in(question: Question, address: Address) -> str:
    """Return what to do, which depends on whether a header was not believed."""
    remote = network.read_address(question.remote_addr)
    if question.forwarded_for and address == remote:
        return (
            f"{address} is not in TRUSTED_PROXIES, so its X-Forwarded-For is not believed: add it "
            "there if it is your proxy."
        )
    return f"Add {address} to ALLOWED_IPS if it is the gateway's."
