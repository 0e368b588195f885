"""What a run sees of the world: streams and variables. Made once, in ``__main__``, and handed down."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO, TextIO

# Columns: what is taken where nothing tells the width, and the fewest that anything is drawn in.
_USUAL, _FEWEST = 80, 20


class Environment(NamedTuple):
    """The streams, None where one is closed, and the variables."""

    stdin: TextIO | None
    stdout: TextIO | None
    stderr: TextIO | None
    variables: Mapping[str, str]

    @property
    def input_stream(self) -> BinaryIO:
        """Standard input as bytes. Raises FileError."""
        if self.stdin is None:
            raise FileError("standard input is closed")
        return self.stdin.buffer

    @property
    def output_stream(self) -> TextIO:
        """Standard output. Raises OSError."""
        if self.stdout is None:
            raise OSError("standard output is closed")
        return self.stdout

    @property
    def reads_terminal(self) -> bool:
        """Whether somebody types the input."""
        return is_terminal(self.stdin)

    @property
    def writes_terminal(self) -> bool:
        """Whether somebody sees the output as it comes."""
        return is_terminal(self.stdout)

    @property
    def shows_progress(self) -> bool:
        """Whether a line on standard error is seen, and does not mix with the output."""
        return self.tells_terminal and not self.writes_terminal

    @property
    def tells_terminal(self) -> bool:
        """Whether a line on standard error is seen, and can be taken back."""
        return is_terminal(self.stderr) and not self._is_dumb

    @property
    def columns(self) -> int:
        """The width to draw for: COLUMNS, else the terminal's, else 80."""
        asked = self.variables.get("COLUMNS", "")
        if asked.isdecimal() and int(asked) > 0:
            return max(int(asked), _FEWEST)
        return max(_terminal_columns(self.stdout), _FEWEST)

    def wants_colour(self, color: str) -> bool:
        """Tell whether to use colour. color: auto, always or never."""
        if color != "auto":
            return color == "always"
        if self.variables.get("NO_COLOR") or self._is_dumb:
            return False
        return self.writes_terminal or bool(self.variables.get("FORCE_COLOR"))

    @property
    def _is_dumb(self) -> bool:
        return self.variables.get("TERM") == "dumb"


def is_terminal(stream: object) -> bool:
    """Tell whether a stream, which may be closed, is a terminal."""
    isatty = getattr(stream, "isatty", None)
    return bool(isatty and isatty())


def _terminal_columns(stream: TextIO | None) -> int:
    if not is_terminal(stream) or stream is None:
        return _USUAL
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL  # of no size, in some pipelines
    except OSError:
        return _USUAL
