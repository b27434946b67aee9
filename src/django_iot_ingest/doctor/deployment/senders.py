"""Where a request of our own comes from: an address that is let in, unless one is asked about.

A list without this machine on it is as it should be, and stops nobody but ourselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from django_iot_ingest import hostnames, network
from django_iot_ingest.checks.values import texts
from django_iot_ingest.doctor.deployment.looks import Question
from django_iot_ingest.hostnames import HostName

HERE = "127.0.0.1"


def meta_of(question: Question) -> dict[str, str]:
    """Return what WSGI would say of the addresses that are asked about."""
    meta = {"REMOTE_ADDR": question.remote_addr or HERE}
    if question.forwarded_for:
        meta["HTTP_X_FORWARDED_FOR"] = question.forwarded_for
    elif not question.remote_addr:
        meta["REMOTE_ADDR"] = _let_in()
    return meta


def _let_in() -> str:
    """Return this machine's address or, if that is not let in, one that is."""
    addresses = (address for address in (HERE, *_listed()))
    return next((one for one in addresses if network.is_allowed({"REMOTE_ADDR": one})), HERE)


def _listed() -> Iterator[str]:
    """Yield an address of each usable entry of the allow-list."""
    for _, entry in texts("ALLOWED_IPS"):
        # An entry that is none is told of by a check, and a name that nobody knows lets nobody in.
        with suppress(ValueError, OSError):
            meaning = network.parse_entry(entry)
            if isinstance(meaning, HostName):
                yield from map(str, hostnames.resolve(meaning))
            else:
                yield str(meaning.network_address)
