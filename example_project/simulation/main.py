"""From the command line to the exit code."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from simulation import show
from simulation.server import MAX_PORT, PortInUse, Server, ServerFailed, reserve
from simulation.surroundings import Surroundings, prepare

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0, or non-zero if anything was not what it should have been."""
    options = _parse(arguments)
    _set_up_process()
    try:
        listener = reserve(options.port)
    except PortInUse as error:
        print(f"demo: {error}", file=sys.stderr)
        return UNUSABLE
    with listener:
        try:
            surroundings = prepare(options.port)
            with Server(listener, surroundings.folder) as server:
                return _run(server, surroundings, options.once)
        except ServerFailed as error:
            print(f"demo: {error}", file=sys.stderr)
            return FAILED
        except KeyboardInterrupt:
            print("demo: interrupted before the story was told", file=sys.stderr)
            return INTERRUPTED


def _run(server: Server, surroundings: Surroundings, once: bool) -> int:
    # Needs Django's settings, which exist now.
    from simulation import crowd
    from simulation.story import Story

    story = Story(server.port, surroundings)
    story.tell()
    is_fine = crowd.let_go(server.port, surroundings) and not story.failures
    show.where_to_look(server.port, surroundings)
    if not once:
        _stay(server)
    return 0 if is_fine else FAILED


def _stay(server: Server) -> None:
    print("\nThe server stays up. Ctrl-C ends it.")
    try:
        server.wait()
    except KeyboardInterrupt:
        print("\nStopping.")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--port", type=_port, default=8010, help=f"1 to {MAX_PORT}, default 8010")
    parser.add_argument("--once", action="store_true", help="end after the story")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 1 to {MAX_PORT}")
    return int(text)


def _set_up_process() -> None:
    """End like Ctrl-C does, children first, when somebody else ends us; print as we go."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit)
    # Started in the background of a script, a process may ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # type: ignore[union-attr]


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
