"""The options that commands have in common, and what is read from them."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

import typer

from backprop_cli.batch.forms import ENDINGS
from backprop_cli.cli.command import From
from backprop_cli.cli.suggest import suggest_assignments, suggest_inputs
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output, open_input
from backprop_cli.errors import FileError, UsageError
from backprop_cli.report import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.language.arrays.values import Array, Value
    from backprop_cli.language.source import Source
    from backprop_cli.report import Report


class Color(StrEnum):
    """When to use colour."""

    auto = "auto"
    always = "always"
    never = "never"


class Notation(StrEnum):
    """What a program may be written in: the language of backprop, or one that it reads as well."""

    plain = "plain"
    latex = "latex"
    python = "python"
    algebra = "algebra"
    spreadsheet = "spreadsheet"
    wolfram = "wolfram"
    sympy = "sympy"


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
Language = Annotated[
    Notation | None,
    typer.Option("--from", help="What the program is written in; else it is seen from its signs."),
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
Strict = Annotated[
    bool,
    typer.Option("--strict", help="End with 1 unless 12 digits of value and gradients are confirmed."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no result; the exit status tells.")]
ColorOption = Annotated[Color, typer.Option("--color", help="When to use colour.")]
StepsOption = Annotated[
    Steps | None,
    typer.Option(
        "--steps",
        help="A step is what the program names, where it names any, or every operation.",
    ),
]
Digits = Annotated[str, typer.Option("--digits", metavar="N|full", help="Significant digits in the table.")]


_Form = TypeVar("_Form", bound=StrEnum)
_Default = TypeVar("_Default", bound=StrEnum | None)
_Given = TypeVar("_Given")


_ADVICE = "put quotes around one that has spaces, parentheses or *"


def _refuse_files(words: Sequence[str]) -> None:
    """Raise UsageError for a word that is no NAME=VALUE, but a file: a shell made it of a program with *."""
    for word in words:
        if "=" not in word and os.path.lexists(word):
            example = 'a*b as a pattern of names of files; put quotes around it: "a*b"'
            if Path(word).suffix in ENDINGS:
                example = f"a pattern as names of files; put quotes around it: --data '*{Path(word).suffix}'"
            raise UsageError(
                f"{word!r} is not of the form NAME=VALUE, but a file", hint=f"a shell reads {example}"
            )


def loader(environment: Environment) -> Callable[[str, str], Array]:
    """Return what reads the array for a name from a file; what that takes is imported then."""

    def load(name: str, reference: str) -> Array:
        from backprop_cli.cli.array_files import load_array

        return load_array(environment, name, reference)

    return load


def listed(text: str) -> list[str]:
    """Return what stands between commas, those within brackets aside: a, W[0,1]."""
    depth, parts = 0, [""]
    for sign in text:
        depth += (sign in "[(") - (sign in "])")
        if sign == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


class PointOptions(NamedTuple):
    """What the options of every command that computes a point say: the program, and where it is computed."""

    environment: Environment
    arguments: Arguments = None
    file: File = None
    wrt: Wrt = None
    upstream: Upstream = "1"
    language: Language = None

    @property
    def notation(self) -> str | None:
        """The notation that the program is said to be in."""
        return None if self.language is None else self.language.value

    @property
    def are_given(self) -> bool:
        """Whether any of them is."""
        return bool(self.arguments or self.file or self.wrt or self.upstream != "1")

    def read_program(self) -> tuple[str, dict[str, float]]:
        """Return the text of the program, and the values given to names behind it, which are numbers.

        Raises UsageError, FileError, ParseError or InputError.
        """
        from backprop_cli.language.source import read_assignments

        return self.read_program_with(read_assignments)

    def read_program_of_arrays(
        self, *, shapes: bool = False, elements: bool = False
    ) -> tuple[str, dict[str, Value]]:
        """Return the text of the program, and the values given to names behind it, which may be arrays.

        shapes: whether ``W:2x3``, a shape without values, is one.  elements: whether a name may be ``w[0]``.

        Raises UsageError, FileError, ParseError or InputError.
        """
        from backprop_cli.language.values import read_values

        load = loader(self.environment)
        return self.read_program_with(partial(read_values, load=load, shapes=shapes, elements=elements))

    def read_program_with(self, read: Callable[[list[str], str], _Given]) -> tuple[str, _Given]:
        """Return the text of the program, and what ``read`` makes of the words behind it.

        read: takes also what to say of a word that is nothing like NAME=VALUE.

        Raises UsageError, FileError, and what ``read`` raises.
        """
        from reprlib import Repr

        words = list(self.arguments or [])
        if self.file is not None:
            if not self.file:
                raise UsageError("--file names no file", hint="--file FILE, or --file - for standard input")
            program = "-"
            hint = "the program comes from --file; beside it stand only values, such as a=2"
        elif words:
            program = words.pop(0)
            hint = f"the program is {Repr().repr(program)}; {_ADVICE}"
        else:
            raise UsageError("a program is missing", hint='backprop grad "(a*b+c)*f" a=2 b=3 c=-10 f=5')
        _refuse_files(words)
        given = read(words, hint)
        if program != "-":
            return program, given
        return read_file(self.environment, self.file or "-", "the program"), given

    def read_upstream(self) -> float:
        """Return the gradient that arrives at the output. Raises UsageError, ParseError or InputError."""
        return read_number(self.upstream, "--upstream", "10")

    def wrt_names(self) -> list[str] | None:
        """Return the names of --wrt, whose lists add up, None for all. Raises UsageError."""
        if not self.wrt:
            return None
        names = [name for names in self.wrt for name in listed(names)]
        if not names:
            raise UsageError("--wrt names no input", hint="--wrt a,b")
        return names

    def choose_inputs(self, source: Source) -> list[str] | None:
        """Return the inputs that --wrt names, None for all. Raises UsageError or InputError."""
        from backprop_cli.language.source import check_names

        names = self.wrt_names()
        return None if names is None else check_names(source, names)

    def read(self, *, array_output: bool = False) -> Request:
        """Return what is asked for. Raises UsageError, FileError, ParseError or InputError.

        array_output: whether the output may be an array.
        """
        from backprop_cli.language.source import choose_point, read_source

        text, given = self.read_program_of_arrays()
        upstream = self.read_upstream()
        source = read_source(text, given, self.notation, array_output=array_output)
        point = choose_point(source, given)
        words = (self.arguments or [])[self.file is None :]
        return Request(source, point, self.choose_inputs(source), upstream, words, self.upstream)


class Request(NamedTuple):
    """What is asked for: a program, a point, the inputs to differentiate by (None: all), the upstream.

    words, upstream_text: the values and the upstream as they are written.
    """

    source: Source
    point: dict[str, float]
    wrt: list[str] | None
    upstream: float
    words: list[str]
    upstream_text: str


class CertainOptions(NamedTuple):
    """The options that ask for more than doubles."""

    exact: Annotated[
        bool, typer.Option("--exact", help="Compute in fractions, where the program is rational.")
    ] = False
    precision: Annotated[
        str | None,
        typer.Option("--precision", metavar="N", help="Compute N significant digits, each of them right."),
    ] = None

    @property
    def are_given(self) -> bool:
        """Whether any of them is."""
        return self.exact or self.precision is not None


def read_number(text: str, option: str, example: str) -> float:
    """Return the number that an option is given. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.source import evaluate_constant

    if not text.strip():
        raise UsageError(f"{option} is given no value", hint=f"{option} {example}")
    return evaluate_constant(text)


Where = Annotated[PointOptions, From(PointOptions)]


def read_request(options: Where) -> Request:
    """Return what the options of a command that computes a point ask for; see PointOptions.read."""
    return options.read()


def refuse_no_output(target: str | None) -> None:
    """Raise UsageError where --output has an empty name."""
    if target == "":
        raise UsageError("--output names no file", hint="--output FILE, or --output - for standard output")


def read_file(environment: Environment, name: str, what: str) -> str:
    """Return the text of a file, or of standard input where the name is "-". Raises FileError."""
    if not name:  # the folder that one is in, to pathlib
        raise FileError(f"{what} is a file without a name")
    try:
        if name == "-":
            return open_input(environment, what).read().decode("utf-8-sig")
        return Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(f"can't read {name}: {error.strerror}") from None
    except ValueError as error:
        name = "standard input" if name == "-" else name
        if isinstance(error, UnicodeDecodeError):
            raise FileError(f"{name} is not UTF-8 text (byte {error.start})") from None
        raise FileError(f"can't read {name}: {error}") from None


def raise_missing(report: Report, output: Output) -> None:
    """Raise DomainError, behind what was written, where a gradient that is asked for does not exist."""
    from backprop_cli.findings.undefined import undefined_gradients

    missing = undefined_gradients(report)
    if missing is not None:
        output.flush()
        raise missing


def require_confirmed(report: Report, output: Output) -> None:
    """Raise UncertainError, behind what was written, where less than --strict asks for is confirmed."""
    from backprop_cli.findings.confirmation import unconfirmed

    missing = unconfirmed(report)
    if missing is not None:
        output.flush()
        raise missing


def refuse_unchecked(*, strict: bool, check: bool) -> None:
    """Raise UsageError where --strict has nothing to go by."""
    if strict and not check:
        raise UsageError("--strict and --no-check contradict each other", hint="leave one of them out")


def read_tolerance(option: str, text: str) -> float:
    """Return the number of an option that is no less than 0. Raises UsageError, ParseError or InputError."""
    from backprop_cli.language.source import evaluate_constant

    value = evaluate_constant(text)
    if value < 0:
        raise UsageError(f"{option} can't be {text}", hint="a number such as 1e-9, or 0")
    return value


def read_digits(digits: Digits) -> int | None:
    """Return the significant digits of the table, None for all."""
    if digits == "full":
        return None
    if not re.fullmatch("[0-9]{1,2}", digits) or not 1 <= int(digits) <= 17:
        raise UsageError(f"--digits can't be {digits!r}", hint="a number from 1 to 17, or full")
    return int(digits)


def open_output(environment: Environment, quiet: Quiet = False, color: ColorOption = Color.auto) -> Output:
    """Return where results go, as --quiet and --color say."""
    return Output(environment, color, quiet=quiet)


def choose_format(format: _Form | None, default: _Default, short: _Form | None) -> _Form | _Default:
    """Return the form of the output. format: as --format says.  short: as --json says."""
    if short and format not in (None, short):
        raise UsageError(f"--json and --format {format} contradict each other", hint="leave one of them out")
    return short or format or default


def form_of(default: StrEnum) -> From:
    """Return what reads --json and --format, whose values are those of the enumeration of the default."""

    def read(json: Json = False, format: Any = None) -> StrEnum:
        return choose_format(format, default, type(default)("json") if json else None)

    option = typer.Option("--format", help=f"Form of the output, {default} by default.")
    read.__annotations__["format"] = Annotated[type(default) | None, option]
    return From(read)


def digits_of(default: int) -> From:
    """Return what reads --digits, so many by default."""

    def read(digits: Digits = str(default)) -> int | None:
        return read_digits(digits)

    return From(read)


Asked = Annotated[Request, From(read_request)]
Shown = Annotated[Output, From(open_output)]
