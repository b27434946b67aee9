"""A gateway on a bad network: what it is given arrives, but twice, late, or in another order.

An event a second; a try that failed is made again after the gateway's own pauses, with the same body
and a new signature. No event is lost for good. The same seed is the same story.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from django_iot_ingest.client import SUCCESS
from django_iot_ingest.simulator.chaos import Chaos, Plan, draw
from django_iot_ingest.simulator.delivery import OFFSETS
from django_iot_ingest.testing.client import GatewayClient
from django_iot_ingest.testing.payloads import encode

KINDS = (Chaos.DUPLICATES, Chaos.LOST, Chaos.REORDER, Chaos.LATE, Chaos.RESET)

SHARE = 0.15
"""Share of the events that each kind meets: a quarter of them arrive as they should."""

SENT, AGAIN, COPY = "sent", "sent again", "came again as a copy"
RESET = "came again as the same bytes after a reset"
UNSENT, UNHEARD = "lost on its way", "arrived, but the answer was lost"


@dataclass(frozen=True, slots=True)
class Sent:
    """One try: the event's place in the list, from 1, and what became of it.

    ``status`` is 0 if it did not arrive; ``state`` is that of the answer.
    """

    number: int
    event: str
    what: str
    status: int = 0
    state: str = ""

    def __str__(self) -> str:
        answer = f" -> {self.status} {self.state}".rstrip() if self.status else ""
        return f"{self.number}. {self.event}: {self.what}{answer}"


@dataclass(frozen=True, slots=True, order=True)
class _Try:
    due: float
    number: int
    tried: int
    what: str


class ChaosGateway:
    """Deliver payloads through a ``GatewayClient`` with trouble of these ``kinds``.

    They are the simulator's ``duplicates``, ``lost``, ``reorder``, ``late`` and ``reset``.
    """

    def __init__(
        self,
        gateway: GatewayClient,
        seed: int,
        *,
        kinds: Collection[str] = KINDS,
        share: float = SHARE,
    ) -> None:
        self.kinds = [Chaos(kind) for kind in kinds]
        if not set(self.kinds) <= set(KINDS):
            raise ValueError("every event arrives in the end: kinds are " + ", ".join(KINDS))
        self.gateway = gateway
        self.seed = seed
        self.share = share
        self.story: list[Sent] = []

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}", *map(str, self.story)])

    def deliver(self, payloads: Sequence[Mapping[str, Any]]) -> tuple[Sent, ...]:
        """Deliver all of them; return what was done, which ``str`` of the gateway tells too.

        ``AssertionError`` if one is refused three times: then the gateway would forget it.
        """
        # The same chaos again, and no secret.
        dice = Random(self.seed)  # nosec B311
        began = len(self.story)
        tries = [found for number in range(len(payloads)) for found in self._tries(number, dice)]
        heapq.heapify(tries)
        while tries:
            attempt = heapq.heappop(tries)
            sent = self._send(attempt, payloads[attempt.number])
            self.story.append(sent)
            if sent.status not in (0, SUCCESS):
                heapq.heappush(tries, self._after_a_refusal(attempt))
        return tuple(self.story[began:])

    def _tries(self, number: int, dice: Random) -> Iterator[_Try]:
        plan = draw(self.kinds, dice, possible=KINDS, share=self.share)
        fates = [UNSENT] * plan.unsent + [UNHEARD] * plan.unheard
        for tried, what in enumerate([*fates, AGAIN if fates else SENT]):
            yield _Try(number + OFFSETS[tried], number, tried, what)
        for _ in range(plan.copies):
            yield _Try(number + self._delay(plan, dice), number, 0, COPY)
        for _ in range(plan.cuts):
            yield _Try(number, number, 0, RESET)

    def _delay(self, plan: Plan, dice: Random) -> float:
        return 0.0 if plan.is_at_once else dice.uniform(0, OFFSETS[-1])

    def _send(self, attempt: _Try, payload: Mapping[str, Any]) -> Sent:
        number, event = attempt.number + 1, _name(payload)
        if attempt.what == UNSENT:
            return Sent(number, event, UNSENT)
        response = self.gateway.post(encode(payload))
        is_taken = response.status_code == SUCCESS
        state = response.json()["data"]["state"] if is_taken else ""
        return Sent(number, event, attempt.what, response.status_code, state)

    def _after_a_refusal(self, attempt: _Try) -> _Try:
        tried = attempt.tried + 1
        if tried == len(OFFSETS):
            raise AssertionError(f"The gateway would forget an event.\n{self}")
        due = attempt.due + OFFSETS[tried] - OFFSETS[attempt.tried]
        return _Try(due, attempt.number, tried, AGAIN)


def _name(payload: Mapping[str, Any]) -> str:
    bank = (payload.get("return_event") or {}).get("power_bank_serial")
    station = payload.get("device") or {}
    about = bank or f"{station.get('serial_number')} {station.get('status', '')}".rstrip()
    return f"{payload.get('type')} {about}"
