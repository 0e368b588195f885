"""Standard output and standard error: colour, width, encoding, and what is written when they fail."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

from backprop_cli.text import printable, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO, TextIO

    from backprop_cli.console.environment import Environment
    from backprop_cli.console.sheets import Block, Line
    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.errors import BackpropError

# What ASCII has instead of our own signs. A user's letters are escaped by the stream itself.
_ASCII = str.maketrans({"∂": "d", "…": "...", "→": "->", "·": "*", "−": "-"})


_PIECES_AT_A_TIME = 500


class Told(Protocol):
    """What a report of any kind has to say beside its numbers."""

    @property
    def read_as(self) -> str:
        """How the program was read, "" where it was written in the plain language."""

    @property
    def warnings(self) -> Sequence[Diagnostic]:
        """What is to be warned of."""


class Paper(NamedTuple):
    """What standard output can take. columns: its width, None where nothing has to fit."""

    columns: int | None
    unicode: bool
    colour: bool


class Output:
    """The two streams of a run, and how things are drawn on them.

    color: auto, always or never.  quiet: whether results, warnings and remarks are kept back.
    """

    def __init__(self, environment: Environment, color: str = "auto", *, quiet: bool = False) -> None:
        self.environment = environment
        self.color = color
        self.quiet = quiet

    def write(self, text: str) -> None:
        """Write a result, in one piece. Raises OSError."""
        if not self.quiet:
            stream = self.environment.output_stream
            stream.write(_encodable(text, stream.encoding))

    def write_pieces(self, pieces: Iterable[str]) -> None:
        """Write a result as it is made, some hundred pieces at a time. Raises OSError."""
        rest = iter(() if self.quiet else pieces)
        while text := "".join(islice(rest, _PIECES_AT_A_TIME)):
            self.write(text)

    def data_stream(self) -> TextIO:
        """Return standard output set up to pass data through as it is. Raises OSError.

        But for a terminal it is UTF-8, as in files, whatever the locale says: so is data that is read.
        """
        stream = self.environment.output_stream
        if hasattr(stream, "reconfigure"):
            encoding = None if self.environment.writes_terminal else "utf-8"
            stream.reconfigure(encoding=encoding, errors=self.data_errors(), newline="")
        return stream

    @staticmethod
    def data_errors() -> str:
        """Return how a stream handles what it can't encode, so that data passes through as it is."""
        import codecs

        codecs.register_error("data", _pass_through)
        return "data"

    def write_blocks(self, blocks: Iterable[Block]) -> None:
        """Write tables and lines: drawn if they go to a terminal or colour is asked for, else plain.

        A terminal has each block as soon as it is made. All else is written at once, or not at all.
        """
        if self.quiet:
            return
        paper = self.paper("∂─…")
        if paper.columns is None and not paper.colour:
            from backprop_cli.console.sheets import render_plain

            self.write(render_plain(list(blocks)))
            return
        from backprop_cli.console.terminal import render_terminal

        columns = self.environment.columns
        drawn = render_terminal(blocks, columns=columns, colour=paper.colour, unicode=paper.unicode)
        if paper.columns is None:
            self.write("".join(drawn))
            return
        for piece in drawn:
            self.write(piece)
            self.flush()

    def show(
        self, report: Told, form: str, blocks: Callable[[], Iterable[Block]], **forms: Callable[[], str]
    ) -> None:
        """Write a report as a table, which is made of blocks, or in another form, each made by its name.

        JSON holds remarks and warnings itself; of the others they go to standard error, the reading of the
        program too where no table says it.
        """
        if form == "table":
            self.write_blocks(blocks())
        else:
            text = forms[form]()
            self.write(text if text.endswith("\n") else text + "\n")
            if form != "json":
                self.tell_reading(report.read_as)
        if form != "json":
            self.warn(report.warnings)

    def paper(self, signs: str) -> Paper:
        """Return what standard output can take. signs: those that decide whether it has Unicode's."""
        environment = self.environment
        return Paper(
            environment.columns if environment.writes_terminal else None,
            _encodable(signs, getattr(environment.stdout, "encoding", None)) == signs,
            environment.wants_colour(self.color),
        )

    def write_drawing(self, lines: Iterable[Line], *, colour: bool) -> None:
        """Write lines in pieces, each of a colour. They are never cut."""
        if self.quiet:
            return
        if not colour:
            self.write(plain_lines(lines))
            return
        from backprop_cli.console.terminal import Painter

        painter = Painter(self.environment.columns, colour=True, unicode=True)
        painter.pieces(lines)
        self.write(painter.text())

    def write_bytes(self, data: bytes) -> None:
        """Write data as it is. Raises OSError."""
        if not self.quiet:
            stream = self.environment.output_stream
            stream.flush()
            stream.buffer.write(data)

    def diagnose(self, text: str) -> None:
        """Write a line to standard error."""
        stream = self.environment.stderr
        if stream is not None:
            try:
                stream.write(_encodable(printable(text), stream.encoding) + "\n")
                stream.flush()
            except OSError:
                pass  # there is nowhere left to say so

    def remark(self, text: str) -> None:
        """Write a line to standard error, behind what was written so far. Raises OSError."""
        if not self.quiet:
            self.flush()  # the result comes first also where both streams go to one place
            self.diagnose(text)

    def tell_reading(self, read_as: str) -> None:
        """Tell on standard error how a text of another notation was read. Raises OSError."""
        if read_as:
            self.remark(reading(read_as))

    def warn(self, warnings: Iterable[Diagnostic]) -> None:
        """Write warnings to standard error. Raises OSError."""
        for warning in warnings:
            for line in _lines("warning", warning):
                self.remark(line)

    def report_error(self, error: BackpropError, *, as_json: bool) -> int:
        """Write an error to standard error and return its exit status."""
        if as_json:
            from backprop_cli.console.strict_json import render_error

            self.diagnose(render_error(error))
            return error.status
        for line in _lines("backprop", error.diagnostic):
            self.diagnose(line)
        return error.status

    def flush(self) -> None:
        """Bring what was written to its place. Raises OSError."""
        if self.environment.stdout is not None:
            self.environment.stdout.flush()

    def abandon(self) -> None:
        """Give up standard output, so that the interpreter does not fail on it once more at its end."""
        if self.environment.stdout is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.environment.stdout.fileno())
            os.close(nowhere)


def _encodable(text: str, encoding: str | None) -> str:
    if text.isascii():
        return text
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII)
    return text


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


def _lines(head: str, told: Diagnostic) -> Iterator[str]:
    from backprop_cli.console.diagnostics import diagnostic_lines  # hardly ever needed

    return diagnostic_lines(head, told)


def open_input(environment: Environment, what: str) -> BinaryIO:
    """Return standard input; who is to type it is told so. Raises FileError."""
    stream = environment.input_stream
    if environment.reads_terminal:
        Output(environment).diagnose(f"reading {what} from the terminal; end it with Ctrl-D")
    return stream
