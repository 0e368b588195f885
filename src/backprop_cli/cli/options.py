"""The options that commands have in common, and what is read from them."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from backprop_cli.cli.suggest import suggest_assignments, suggest_inputs
from backprop_cli.console.output import Output
from backprop_cli.errors import FileError, UsageError

if TYPE_CHECKING:
    from backprop_cli.language.source import Source


class Color(StrEnum):
    """When to use colour."""

    auto = "auto"
    always = "always"
    never = "never"


Arguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROGRAM [NAME=VALUE]...",
        help="The expression or statements, - to read them from standard input; and the value of each input.",
        show_default=False,
        autocompletion=suggest_assignments,
    ),
]
File = Annotated[
    str | None,
    typer.Option("--file", metavar="FILE", help="Read the program from FILE, - for standard input."),
]
Wrt = Annotated[
    list[str] | None,
    typer.Option(
        "--wrt",
        metavar="A,B,...",
        help="Differentiate by these inputs only.",
        autocompletion=suggest_inputs,
    ),
]
Upstream = Annotated[
    str, typer.Option("--upstream", metavar="VALUE", help="The gradient arriving at the output.")
]
Json = Annotated[bool, typer.Option("--json", help="Short for --format json.")]
CrossCheck = Annotated[
    bool, typer.Option("--check/--no-check", help="Cross-check every gradient with sympy.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no result; the exit status tells.")]
ColorOption = Annotated[Color, typer.Option("--color", help="When to use colour.")]
Digits = Annotated[str, typer.Option("--digits", metavar="N|full", help="Significant digits in the table.")]


_Form = TypeVar("_Form", bound=StrEnum)
_Default = TypeVar("_Default", bound=StrEnum | None)


class Request(NamedTuple):
    """What is asked for: a program, a point, the inputs to differentiate by (None: all), the upstream."""

    source: Source
    point: dict[str, float]
    wrt: list[str] | None
    upstream: float


def read_request(
    arguments: list[str] | None, file: str | None, wrt: list[str] | None, upstream: str
) -> Request:
    """Return what the arguments and options of a command that computes a point ask for.

    Raises UsageError, FileError, ParseError or InputError.
    """
    from backprop_cli.language.source import choose_point, read_source

    text, given = read_program(arguments, file)
    seed = read_upstream(upstream)
    source = read_source(text, given)
    point = choose_point(source, given)
    return Request(source, point, choose_inputs(source, wrt), seed)


def read_program(arguments: list[str] | None, file: str | None) -> tuple[str, dict[str, float]]:
    """Return the text of the program, and the values given to names behind it."""
    from reprlib import Repr

    from backprop_cli.language.source import read_assignments

    words = list(arguments or [])
    if file is not None:
        if not file:
            raise UsageError("--file names no file", hint="--file FILE, or --file - for standard input")
        program = "-"
        hint = "the program comes from --file; beside it stand only values, such as a=2"
    elif words:
        program = words.pop(0)
        hint = (
            f"the program is {Repr().repr(program)}; put quotes around one that has spaces, parentheses or *"
        )
    else:
        raise UsageError("a program is missing", hint='backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5')
    given = read_assignments(words, hint)
    return program if program != "-" else read_file(file or "-", "the program"), given


def read_upstream(text: str) -> float:
    """Return the gradient that arrives at the output. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.source import evaluate_constant

    if not text.strip():
        raise UsageError("--upstream is given no value", hint="--upstream 10")
    return evaluate_constant(text)


def choose_inputs(source: Source, wrt: list[str] | None) -> list[str] | None:
    """Return the inputs that --wrt names, None for all. Given more than once, its lists add up."""
    from backprop_cli.language.source import check_names

    if not wrt:
        return None
    names = [name.strip() for names in wrt for name in names.split(",") if name.strip()]
    if not names:
        raise UsageError("--wrt names no input", hint="--wrt a,b")
    return check_names(source, names)


def read_file(name: str, what: str) -> str:
    """Return the text of a file, or of standard input where the name is "-". Raises FileError."""
    try:
        if name == "-":
            if sys.stdin is None:
                raise FileError("standard input is closed")
            if sys.stdin.isatty():
                Output().diagnose(f"reading {what} from the terminal; end it with Ctrl-D")
            return sys.stdin.buffer.read().decode("utf-8-sig")
        return Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None
    except ValueError as error:
        name = "standard input" if name == "-" else name
        if isinstance(error, UnicodeDecodeError):
            raise FileError(f"{name} is not UTF-8 text (byte {error.start})") from None
        raise FileError(f"can't read {name}: {error}") from None


def read_digits(text: str) -> int | None:
    """Return the significant digits of the table, None for all."""
    if text == "full":
        return None
    if not re.fullmatch("[0-9]{1,2}", text) or not 1 <= int(text) <= 17:
        raise UsageError(f"--digits can't be {text!r}", hint="a number from 1 to 17, or full")
    return int(text)


def choose_format(format: _Form | None, default: _Default, short: _Form | None) -> _Form | _Default:
    """Return the form of the output. format: as --format says.  short: as --json says."""
    if short and format not in (None, short):
        raise UsageError(f"--json and --format {format} contradict each other", hint="leave one of them out")
    return short or format or default
