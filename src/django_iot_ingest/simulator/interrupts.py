"""Ctrl-C: the first one is a wish to end, the second one means at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether somebody has pressed Ctrl-C while ``heeded`` was open."""

    def __init__(self) -> None:
        self.is_wished = False

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Note the first Ctrl-C; only the main thread hears of it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        kept = signal.signal(signal.SIGINT, self._note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, kept)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.is_wished:
            raise KeyboardInterrupt
        self.is_wished = True
