"""At a terminal the nodes are on the screen before sympy is imported; a pipe has all at once."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.color import Color

from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output
from backprop_cli.console.sheets import Block
from backprop_cli.console.terminal import _STYLES
from console import BIN, environment

COMMAND = [str(BIN / "backprop"), "grad", "a*b", "a=2", "b=3"]
# A sympy that waits until it may go on, and then fails.
WAITING = "import os\nopen(os.environ['GATE']).close()\nraise RuntimeError('unwell')\n"


class Session:
    """The command in a terminal, with a sympy that waits at a gate."""

    def __init__(self, folder: Path, *args: str) -> None:
        (folder / "sympy").mkdir()
        (folder / "sympy" / "__init__.py").write_text(WAITING, encoding="utf-8")
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        self.screen, child = pty.openpty()
        termios.tcsetwinsize(child, (24, 80))
        self.process = subprocess.Popen(
            [*COMMAND, *args],
            stdin=child,
            stdout=child,
            stderr=child,
            start_new_session=True,
            env=environment(PYTHONPATH=str(folder), GATE=str(self.gate), TERM="xterm", NO_COLOR="1"),
        )
        os.close(child)
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Read what is shown, which is to have the text."""
        while text not in self.shown:
            assert select.select([self.screen], [], [], 30)[0], f"only {self.shown!r} is shown"
            self.shown += os.read(self.screen, 4096).decode().replace("\r\n", "\n")

    def end(self) -> int:
        """Return the exit status, when all has been read."""
        try:
            while part := os.read(self.screen, 4096):
                self.shown += part.decode().replace("\r\n", "\n")
        except OSError:  # the other end is closed
            pass
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Start a session; whatever becomes of it, nothing is left running."""
    sessions = []

    def begin(*args: str) -> Session:
        sessions.append(Session(tmp_path, *args))
        return sessions[-1]

    yield begin
    for session in sessions:
        session.process.kill()
        session.process.wait()
        os.close(session.screen)


def test_the_nodes_are_shown_before_sympy_is_imported(start: Callable[..., Session]) -> None:
    session = start()
    session.read_until("v1     a*b")
    assert session.process.poll() is None  # sympy waits
    nodes = session.shown
    with session.gate.open("w"):
        pass
    assert session.end() == 2
    assert session.shown.startswith(nodes)
    assert "backprop: sympy can't be imported: RuntimeError: unwell\n" in session.shown
    assert "Traceback" not in session.shown


def test_ctrl_c_before_the_check_leaves_the_nodes(start: Callable[..., Session]) -> None:
    session = start()
    session.read_until("v1     a*b")
    session.process.send_signal(signal.SIGINT)
    assert session.end() == 130
    *rows, last = session.shown.splitlines()
    assert last.startswith("v1     a*b")
    assert session.shown.endswith("\n")
    assert len(rows) == 4


class Recorder(io.StringIO):
    """A stream that knows what was written, piece by piece."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal
        self.pieces: list[str] = []

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


def blocks(stream: Recorder, seen: list[int]) -> Iterator[Block]:
    for text in ("one", "two", "three"):
        yield Block((), lambda text=text: [(text, "")])  # type: ignore[misc]
        seen.append(len(stream.pieces))


@pytest.mark.parametrize(
    ("terminal", "color", "written"),
    [(True, "auto", [1, 2, 3]), (False, "auto", [0] * 3), (False, "always", [0] * 3)],
)
def test_only_a_terminal_has_a_part_before_the_next_is_made(
    terminal: bool, color: str, written: list[int]
) -> None:
    stream, seen = Recorder(terminal=terminal), list[int]()
    Output(Environment(None, stream, None, {}), color).write_blocks(blocks(stream, seen))
    assert seen == written
    assert "".join(stream.pieces) == "one\n\ntwo\n\nthree\n"
    assert len(stream.pieces) == (3 if terminal else 1)


@pytest.mark.parametrize("style", sorted(set(_STYLES.values())))
def test_colours_are_read_on_white_and_on_black(style: str) -> None:
    number = re.search(r"color\((\d+)\)", style)
    if number is None:
        assert style in ("", "bold")
        return
    parts = [x / 255 for x in Color.parse(f"color({number[1]})").get_truecolor()]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (1 + 0.05) / (luminance + 0.05) >= 4.5
    assert (luminance + 0.05) / 0.05 >= 4.5
