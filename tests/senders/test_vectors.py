"""Every sender signs as the shared vectors say, one process for all of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.security import vectors
from tests.senders.languages import Built

pytestmark = [pytest.mark.once, pytest.mark.whole]

VECTORS: list[dict[str, Any]] = vectors.read("vectors")

KNOWN_ANSWER = "Dw7I+Sw2dCRzwewYlqQ/tk+th+MnwGa4jgNvdP0wFIY="
"""Of the contract, section 2: its secret, timestamp and body are the first vector."""


def test_the_first_vector_is_the_known_answer() -> None:
    assert VECTORS[0]["name"] == "known-answer"
    assert VECTORS[0]["signature"] == KNOWN_ANSWER


def test_a_sender_signs_every_vector(built: Built) -> None:
    signed = dict(zip((one["name"] for one in VECTORS), built.sign(VECTORS), strict=True))
    assert signed == {one["name"]: one["signature"] for one in VECTORS}
