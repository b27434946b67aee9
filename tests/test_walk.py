"""A page that says something else than what happens is found out."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import shell, walk
from tests.walk import Differs, Walk

pytestmark = pytest.mark.once


def page(tmp_path: Path, *blocks: str) -> Walk:
    """Return a walk along a page of these blocks, each ``language|text``."""
    path = tmp_path / "page.md"
    parts = [block.partition("|") for block in blocks]
    path.write_text("\n".join(f"Words.\n\n```{name}\n{text}\n```\n" for name, _, text in parts))
    folder = tmp_path / "folder"
    folder.mkdir()
    return Walk(path, folder)


def test_files_are_written_and_added_to_where_the_shell_stands(tmp_path: Path) -> None:
    walked = page(
        tmp_path,
        "bash|mkdir here && cd here",
        "python|# a/b.py\nprint(1)",
        "python|# a/b.py (add)\nprint(2)",
        "bash|python a/b.py",
        "text|1\n2",
    )
    walked.run()
    assert (tmp_path / "folder/here/a/b.py").exists()


def test_variables_live_on_and_json_is_compared_as_json(tmp_path: Path) -> None:
    page(
        tmp_path,
        "bash|export NAME=value",
        'bash|echo "{\\"b\\": [1], \\"a\\": \\"$NAME-17\\"}"',
        'json|{"a": "value-…", "b": [1]}',
    ).run()


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        (["bash|echo one\nfalse\necho two"], "one"),
        (["bash|false | cat"], "line 3"),
        (["bash|exit 0", "bash|echo on"], "the shell has ended"),
        (["bash|echo one", "text|two"], "one"),
        (["bash|echo one; echo two", "text|one"], "two"),
        (["bash|echo 1.5", "json|1"], "1.5"),
        (["bash|echo no json", "json|1"], "Expecting value"),
        (["bash|echo '[1, 2]'", "json|[1]"], "[1, 2]"),
        (["rust|fn main() {}"], "nobody runs a block of rust"),
        (["|words"], "nobody runs a block of no language"),
        (["python|# none.py (add)\n1"], "none.py"),
    ],
)
def test_what_is_otherwise_is_named_with_its_line(
    tmp_path: Path, blocks: list[str], words: str
) -> None:
    with pytest.raises(Differs, match=r"page\.md, line \d+") as caught:
        page(tmp_path, *blocks).run()
    assert words in str(caught.value)


def test_a_block_may_not_take_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "SECONDS", 0.3)
    with pytest.raises(Differs, match="sleep 60"):
        page(tmp_path, "bash|echo began; sleep 60").run()


def test_a_server_is_waited_for_and_ended(tmp_path: Path) -> None:
    late = (
        "import http.server, time; time.sleep(0.5); http.server.test(port=8000, bind='127.0.0.1')"
    )
    walked = page(
        tmp_path,
        f'bash|: 127.0.0.1:8000; python -c "{late}" > log 2>&1 &\n'
        "(exec 3<>/dev/tcp/127.0.0.1/8000) && echo listens",
        "text|listens",
    )
    walked.run()
    port = int(walked.ports["8000"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_server_ends_even_if_whoever_walks_is_killed(tmp_path: Path) -> None:
    port = walk.free_port()
    walked = page(
        tmp_path,
        f"bash|: 127.0.0.1:{port}; python -m http.server --bind 127.0.0.1 {port} > log 2>&1 &",
        "bash|kill -KILL $PPID",
    )
    places = f"Path({str(walked.page)!r}), Path({str(walked.folder)!r})"
    text = f"from pathlib import Path; from tests.walk import Walk; Walk({places}).run()"
    done = subprocess.run([sys.executable, "-c", text], cwd=walk.ROOT, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + shell.GRACE
    while listens(int(port)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not listens(int(port))


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:
        return False
    return True


def test_a_port_is_the_same_in_the_whole_page(tmp_path: Path) -> None:
    walked = page(tmp_path, "bash|echo 8000 8001 8000 18000 80001")
    first, second, third, *others = walked.with_free_ports("8000 8001 8000 18000 80001").split()
    assert first == third != second
    assert others == ["18000", "80001"]
    assert "8000" not in (first, second)


def test_nothing_of_our_own_environment_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "IOT_TOKEN", "CI"):
        monkeypatch.setitem(os.environ, name, "ours")
    page(tmp_path, "bash|env | grep -c ours || true", "text|0").run()


def test_lines_that_install_are_left_out_unless_they_are_wanted(tmp_path: Path) -> None:
    text = "pip install nothing-of-this-name-xyz\necho on\n"
    assert walk.INSTALLING.sub("", text) == "echo on\n"
    page(tmp_path, f"bash|{text}", "text|on").run()
