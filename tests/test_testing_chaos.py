"""The kit's chaos: everything arrives, the same seed is the same story, and it is told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from django_iot_ingest.models import IngestEvent
from django_iot_ingest.testing import ChaosGateway, GatewayClient, encode, returned, status
from django_iot_ingest.testing.chaos import AGAIN, COPY, KINDS, RESET, SENT, UNHEARD, UNSENT

pytestmark = pytest.mark.once

EVENTS = [returned(f"B-{number}", at=1_795_452_778 + number) for number in range(40)]


class Answer:
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code

    def json(self) -> dict[str, Any]:
        return {"data": {"state": "applied"}}


class Recorder:
    """Keep what is posted, and refuse as often as a test says."""

    def __init__(self, refusals: int = 0) -> None:
        self.bodies: list[bytes] = []
        self.refusals = refusals

    def post(self, body: bytes) -> Answer:
        self.bodies.append(body)
        self.refusals -= 1
        return Answer(503 if self.refusals >= 0 else 200)


def chaos(seed: int, refusals: int = 0, **options: Any) -> tuple[ChaosGateway, Recorder]:
    recorder = Recorder(refusals)
    return ChaosGateway(recorder, seed, **options), recorder  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(20))
def test_every_event_arrives_with_its_own_body(seed: int) -> None:
    gateway, recorder = chaos(seed)
    gateway.deliver(EVENTS)
    assert set(recorder.bodies) == set(map(encode, EVENTS))


def test_the_same_seed_is_the_same_story_and_another_is_not() -> None:
    stories = []
    for seed in (1, 1, 2):
        gateway, _ = chaos(seed)
        stories.append(gateway.deliver(EVENTS))
        assert str(gateway).startswith(f"seed {seed}\n")
    assert stories[0] == stories[1] != stories[2]


def test_there_is_trouble_of_every_kind() -> None:
    gateway, recorder = chaos(3)
    seen = Counter(sent.what for sent in gateway.deliver(EVENTS))
    assert set(seen) == {SENT, AGAIN, COPY, RESET, UNSENT, UNHEARD}
    first = [recorder.bodies.index(encode(event)) for event in EVENTS]
    assert first != sorted(first)


def test_what_did_not_arrive_was_not_sent() -> None:
    gateway, recorder = chaos(3)
    story = gateway.deliver(EVENTS)
    assert len(recorder.bodies) == sum(sent.what != UNSENT for sent in story)
    assert all(sent.status == 0 for sent in story if sent.what == UNSENT)


def test_one_kind_alone_and_none() -> None:
    gateway, _ = chaos(1, kinds=["lost"], share=1.0)
    story = [str(sent) for sent in gateway.deliver(EVENTS[:1])]
    unheard = f"1. returned B-0: {UNHEARD} -> 200 applied"
    assert story in (
        [unheard, f"1. returned B-0: {AGAIN} -> 200 applied"],
        [unheard, unheard, f"1. returned B-0: {AGAIN} -> 200 applied"],
    )
    calm, recorder = chaos(1, kinds=[])
    calm.deliver(EVENTS)
    assert recorder.bodies == list(map(encode, EVENTS))


def test_a_kind_that_loses_events_is_refused() -> None:
    for kind in ("drop", "unheard-of"):
        with pytest.raises(ValueError, match=r"kind|Chaos"):
            chaos(1, kinds=[*KINDS, kind])


def test_a_503_is_tried_again_as_the_gateway_does_and_then_forgotten() -> None:
    gateway, recorder = chaos(1, refusals=2, kinds=[])
    story = gateway.deliver(EVENTS[:1])
    assert [sent.status for sent in story] == [503, 503, 200]
    gateway, recorder = chaos(1, refusals=3, kinds=[])
    with pytest.raises(AssertionError, match=r"forget an event(.|\n)*seed 1\n1\. returned B-0"):
        gateway.deliver(EVENTS[:1])
    assert len(recorder.bodies) == 3


def test_stories_go_on() -> None:
    gateway, _ = chaos(1, kinds=[])
    gateway.deliver(EVENTS[:2])
    assert len(gateway.deliver(EVENTS[2:3])) == 1
    assert len(gateway.story) == 3


@pytest.mark.django_db
def test_through_the_real_endpoint() -> None:
    gateway = ChaosGateway(GatewayClient(), seed=3)
    words = [status(word, at=1_795_452_778 + n) for n, word in enumerate(("ONLINE", "OFFLINE") * 5)]
    gateway.deliver(words)
    assert IngestEvent.objects.filter(event_type="status").count() >= len(words)
    assert {sent.state for sent in gateway.story} == {"", "applied", "stale"}
