"""Standard output and standard error: colour, width, encoding, and what is written when they fail."""

from __future__ import annotations

import os
import sys
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

    from backprop_cli.console.sheets import Block, Line
    from backprop_cli.errors import BackpropError
    from backprop_cli.report import Notice

# What ASCII has instead of our own signs. A user's letters are escaped by the stream itself.
_ASCII = str.maketrans({"∂": "d", "…": "...", "→": "->", "·": "*", "−": "-"})


_PIECES_AT_A_TIME = 500


class Paper(NamedTuple):
    """What standard output can take. columns: its width, None where nothing has to fit."""

    columns: int | None
    unicode: bool
    colour: bool


class Output:
    """The two streams, and how things are drawn on them. ``color`` is auto, always or never."""

    def __init__(self, color: str = "auto") -> None:
        self.color = color

    def write(self, text: str) -> None:
        """Write a result, in one piece. Raises OSError."""
        if sys.stdout is None:
            raise OSError("standard output is closed")
        sys.stdout.write(self._encodable(text, sys.stdout.encoding))

    def write_pieces(self, pieces: Iterable[str]) -> None:
        """Write a result as it is made, some hundred pieces at a time. Raises OSError."""
        rest = iter(pieces)
        while text := "".join(islice(rest, _PIECES_AT_A_TIME)):
            self.write(text)

    def data_stream(self) -> TextIO:
        """Return standard output set up to pass data through as it is. Raises OSError."""
        if sys.stdout is None:
            raise OSError("standard output is closed")
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors=self.data_errors(), newline="")
        return sys.stdout

    @staticmethod
    def data_errors() -> str:
        """Return how a stream handles what it can't encode, so that data passes through as it is."""
        import codecs

        codecs.register_error("data", _pass_through)
        return "data"

    def write_blocks(self, blocks: Sequence[Block]) -> None:
        """Write tables and lines: drawn if they go to a terminal or colour is asked for, else plain."""
        from backprop_cli.console.sheets import render_plain

        terminal = is_terminal(sys.stdout)
        colour = self._wants_colour(terminal=terminal)
        if not (terminal or colour):
            self.write(render_plain(blocks))
            return
        from backprop_cli.console.terminal import render_terminal

        paper = self.paper("∂─…")
        self.write(
            render_terminal(
                blocks,
                columns=_columns(terminal=terminal),
                colour=colour,
                unicode=paper.unicode,
            )
        )

    def paper(self, signs: str) -> Paper:
        """Return what standard output can take. signs: those that decide whether it has Unicode's."""
        terminal = is_terminal(sys.stdout)
        return Paper(
            _columns(terminal=True) if terminal else None,
            self._encodable(signs, getattr(sys.stdout, "encoding", None)) == signs,
            self._wants_colour(terminal=terminal),
        )

    def write_drawing(self, lines: Iterable[Line], *, colour: bool) -> None:
        """Write lines in pieces, each of a colour. They are never cut."""
        if not colour:
            self.write(plain_lines(lines))
            return
        from backprop_cli.console.terminal import Painter

        painter = Painter(_columns(terminal=True), colour=True, unicode=True)
        painter.pieces(lines)
        self.write(painter.text())

    def write_bytes(self, data: bytes) -> None:
        """Write data as it is. Raises OSError."""
        if sys.stdout is None:
            raise OSError("standard output is closed")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)

    def diagnose(self, text: str) -> None:
        """Write a line to standard error."""
        if sys.stderr is not None:
            try:
                sys.stderr.write(self._encodable(printable(text), sys.stderr.encoding) + "\n")
                sys.stderr.flush()
            except OSError:
                pass  # there is nowhere left to say so

    def warn(self, notices: Iterable[Notice]) -> None:
        """Write warnings to standard error."""
        for notice in notices:
            self.diagnose(f"warning: {notice.message}")

    def report_error(self, error: BackpropError, *, as_json: bool) -> int:
        """Write an error to standard error and return its exit status."""
        if as_json:
            from backprop_cli.console.strict_json import render_error

            self.diagnose(render_error(error))
            return error.status
        self.diagnose(f"backprop: {error.message}")
        for line in _caret(error):
            self.diagnose(line)
        if error.hint:
            self.diagnose(f"  hint: {error.hint}")
        return error.status

    def flush(self) -> None:
        """Bring what was written to its place. Raises OSError."""
        if sys.stdout is not None:
            sys.stdout.flush()

    def abandon(self) -> None:
        """Give up standard output, so that the interpreter does not fail on it once more at its end."""
        if sys.stdout is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)

    def _wants_colour(self, *, terminal: bool) -> bool:
        if self.color != "auto":
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("TERM") == "dumb":
            return False
        return terminal or bool(os.environ.get("FORCE_COLOR"))

    @staticmethod
    def _encodable(text: str, encoding: str | None) -> str:
        if text.isascii():
            return text
        try:
            text.encode(encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return text.translate(_ASCII)
        return text


def is_terminal(stream: object) -> bool:
    """Tell whether a stream, which may be closed, is a terminal."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def plain_lines(lines: Iterable[Line]) -> str:
    """Return lines in pieces as text."""
    return "".join("".join(piece for piece, _ in line) + "\n" for line in lines)


def _pass_through(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write bytes that surrogateescape has read as they were, and letters that are not here as JSON does."""
    import codecs
    import json

    assert isinstance(error, UnicodeEncodeError)
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeEncodeError:
        return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _columns(*, terminal: bool) -> int:
    """Return the width to draw for: COLUMNS, else the terminal's, else 80."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return max(int(asked), 20)
    if terminal:
        try:
            return max(os.get_terminal_size(sys.stdout.fileno()).columns, 20)
        except OSError:
            pass
    return 80


def _caret(error: BackpropError) -> list[str]:
    """Return the line of the text that the error is in, with carets under the piece."""
    from backprop_cli.console.sheets import width

    text, start = error.text, error.start
    if not text.strip():
        return []
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    end = min(max(error.end, start + 1), max(line_end, start + 1))
    line = text[line_start:line_end]
    before, piece = text[line_start:start], text[start:end]
    label = f"line {text.count(chr(10), 0, start) + 1}: " if "\n" in text.strip() else ""
    # A long line is cut to the surroundings of the piece.
    if len(line) > 100:
        keep = 40
        cut = max(len(before) - keep, 0)
        before = ("…" if cut else "") + before[cut:]
        piece = piece[:keep]
        tail = text[start + len(piece) : line_end]
        line = before + piece + (tail[:keep] + "…" if len(tail) > keep else tail)
    before, piece = printable(before), printable(piece)
    return [
        f"  {label}{printable(line)}",
        f"  {' ' * (len(label) + width(before))}{'^' * max(width(piece), 1)}",
    ]
