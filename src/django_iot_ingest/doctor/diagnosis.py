"""Diagnose one request: all that is wrong with it, each mistake once. Knows no settings.

What was signed is searched for; what the headers and the body show by themselves is judged beside it,
so that a request with several faults is told all of them, not only the one that it was refused for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from django_iot_ingest import signing
from django_iot_ingest.doctor import clocks, headers, request_texts, signature_texts, stamps
from django_iot_ingest.doctor.captured import CapturedRequest
from django_iot_ingest.doctor.codes import Code
from django_iot_ingest.doctor.findings import Finding, Mistake, Severity, counted
from django_iot_ingest.doctor.headers import SIGNATURE, TIMESTAMP, Rules
from django_iot_ingest.doctor.search import Budget, Explanation, Search, fingerprint

TEXTS = {**request_texts.TEXTS, **signature_texts.TEXTS}

ACCEPTED = (Code.PREVIOUS_SECRET, Code.PAYLOAD_WARNINGS)
"""What somebody should know of a request that is accepted."""

LINE_ENDS = (b"\n", b"\r\n")

SPELLING = "signature_"
"""What the codes about the spelling of a signature begin with."""

PayloadJudge = Callable[[bytes, int, float], Iterable[Mistake]]
"""Judges (body, X-Timestamp in seconds, time of receipt): ``payload.judge``."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found. ``position`` is that of the secret that signed it, None if none did."""

    findings: tuple[Finding, ...]
    position: int | None = None
    tried: int = 0

    @property
    def is_accepted(self) -> bool:
        """Return whether nothing was found for which the request is refused."""
        return all(finding.severity != Severity.FAULT for finding in self.findings)

    @property
    def codes(self) -> list[str]:
        """Return the codes of what was found."""
        return [str(finding.code) for finding in self.findings]


def diagnose(
    request: CapturedRequest,
    secrets: Iterable[str],
    now: float,
    rules: Rules | None = None,
    judge: PayloadJudge | None = None,
    budget: Budget | None = None,
) -> Diagnosis:
    """Return what is wrong with a request that came at ``now``, in unix seconds.

    ``secrets`` are the configured ones, the current one first; ``judge`` looks at the event itself.
    """
    rules = rules or Rules()
    case = _Case(request, tuple(secrets), now, rules, budget or Budget())
    mistakes = [*headers.judge(request, now, rules), *case.length(), *case.signature()]
    mistakes += case.clock()
    if judge and not case.is_cut:
        mistakes += judge(case.body, case.seconds or int(now), now)
    return Diagnosis(tuple(_findings(mistakes)), case.position, case.tried)


class _Case:
    """One request under diagnosis: what was found out so far."""

    def __init__(
        self,
        request: CapturedRequest,
        secrets: tuple[str, ...],
        now: float,
        rules: Rules,
        budget: Budget,
    ) -> None:
        if not request.is_verified and headers.swapped(request):
            request = _unswapped(request)
        self.request, self.secrets, self.now, self.rules = request, secrets, now, rules
        self.budget = budget
        self.timestamp = (request.all(TIMESTAMP) or [""])[-1]
        self.signed = (request.all(SIGNATURE) or [""])[-1]
        self.length_code: Code | None = None
        self.body = self._read_body()
        self.is_cut = (headers.declared_length(request) or 0) > len(request.body)
        self.position: int | None = None
        self.tried = 0

    @property
    def seconds(self) -> int | None:
        """The time that X-Timestamp means, in whatever shape."""
        if signing.TIMESTAMP_SHAPE.fullmatch(self.timestamp):
            return int(self.timestamp)
        repaired = stamps.repair(self.timestamp)
        return repaired.seconds if repaired else None

    def length(self) -> Iterator[Mistake]:
        """Yield what Content-Length has against the body."""
        if self.length_code:
            declared = headers.declared_length(self.request)
            told = f"Content-Length is {declared}, the body has {len(self.request.body)} bytes."
            yield Mistake(self.length_code, told)

    def signature(self) -> Iterator[Mistake]:
        """Yield how the signature was made, if it was not made as it has to be."""
        if self.request.is_verified or not self.signed or not self.timestamp:
            return
        if not any(signing.is_key(secret) for secret in self.secrets):
            yield Mistake(Code.NO_SECRET)
            return
        search = Search(
            self.body, self.timestamp, self.signed, self.secrets, self._body_time(), self.budget
        )
        explanation = search.run()
        self.tried = search.tried
        if explanation is None:
            # Of a part of a body nothing can be said.
            yield from () if self.is_cut else self._unexplained(search)
            return
        self.position = explanation.position
        yield from self._explained(explanation)

    def clock(self) -> Iterator[Mistake]:
        """Yield how far the clock is off; nothing of a time that cannot be read."""
        if self.seconds is not None:
            mistake = clocks.judge(self.seconds, self.now, self.rules.timeout)
            if mistake:
                yield mistake

    def _read_body(self) -> bytes:
        """Return what a server reads of the body, and note if that is not what was captured."""
        body, declared = self.request.body, headers.declared_length(self.request)
        if declared is None or declared == len(body):
            return body
        if body[declared:] in LINE_ENDS:  # an editor's, behind what was sent
            return body[:declared]
        is_text = declared == len(body.decode("utf-8", "replace"))
        self.length_code = Code.LENGTH_IN_CHARACTERS if is_text else Code.LENGTH_MISMATCH
        is_whole = is_text or signing.verify(body, self.timestamp, self.signed, self.secrets)
        return body if is_whole else body[:declared]

    def _body_time(self) -> object:
        try:
            payload = json.loads(self.body)
            return payload.get("timestamp") if isinstance(payload, dict) else None
        except (ValueError, RecursionError):
            return None

    def _explained(self, explanation: Explanation) -> Iterator[Mistake]:
        """Yield the mistakes; the first that is more than spelling tells what was signed."""
        right = self._due()
        is_told = explanation.signed == right
        for mistake in explanation.mistakes:
            if is_told or mistake.code.startswith(SPELLING):
                yield mistake
                continue
            is_told = True
            seen = f"Signed were {_summary(explanation.signed)}; due are {_summary(right)}."
            yield replace(mistake, evidence=f"{mistake.evidence} {seen}".strip())
        if explanation.position > 0:
            told = f"It is SIGNATURE_SECRETS[{explanation.position}]; 0 is the current one."
            yield Mistake(Code.PREVIOUS_SECRET, told)

    def _due(self) -> bytes:
        """Return what is to be signed."""
        stamp = f"{self.seconds:010d}" if self.seconds is not None else self.timestamp
        return self.body + stamp.encode("latin-1", "replace")

    def _unexplained(self, search: Search) -> Iterator[Mistake]:
        if not search.readings:
            yield Mistake(Code.SIGNATURE_UNREADABLE, f"It has {len(self.signed)} characters.")
            return
        best = next(iter(search.readings.values()))
        yield from best.mistakes
        secrets = counted(len(self.secrets), "secret")
        told = f"{search.tried} ways to sign were tried with {secrets}"
        bound = "; there are more, which a longest search left out" if search.is_exhausted else ""
        due = _summary(self._due())
        yield Mistake(Code.WRONG_SECRET, f"{told}{bound}. To be signed were {due}.")


def _unswapped(request: CapturedRequest) -> CapturedRequest:
    other = {TIMESTAMP.lower(): SIGNATURE, SIGNATURE.lower(): TIMESTAMP}
    return replace(
        request,
        headers=tuple((other.get(name.lower(), name), value) for name, value in request.headers),
    )


def _summary(data: bytes) -> str:
    return f"{counted(len(data), 'byte')} (SHA-256 {fingerprint(data)}...)"


def _findings(mistakes: Iterable[Mistake]) -> Iterator[Finding]:
    """Yield one finding for each code: one cause can show in several places."""
    told: dict[str, Mistake] = {}
    for mistake in mistakes:
        before = told.get(mistake.code)
        evidence = [before.evidence] if before else []
        evidence += [mistake.evidence] if mistake.evidence not in evidence else []
        told[mistake.code] = Mistake(mistake.code, " ".join(filter(None, evidence)))
    for code, mistake in told.items():
        what, way_out = TEXTS[code]
        severity = Severity.WARNING if code in ACCEPTED else Severity.FAULT
        yield Finding(code, what, way_out, mistake.evidence, severity)
