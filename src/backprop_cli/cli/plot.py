"""``backprop plot``."""

from __future__ import annotations

import math
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.cli.command import From, command
from backprop_cli.cli.options import Json, Language, Shown, choose_format, loader, read_file, refuse_no_output
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import plain_lines
from backprop_cli.curves.field import Side
from backprop_cli.draw.canvas import draw_plane
from backprop_cli.draw.curves import plane_of
from backprop_cli.draw.forms import Theme
from backprop_cli.errors import DomainError, InputError, ParseError, Status, UsageError
from backprop_cli.system.files import write_file
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backprop_cli.console.output import Output
    from backprop_cli.curves.report import Curve
    from backprop_cli.draw.curves import Plane
    from backprop_cli.language.arrays.values import Array, Value
    from backprop_cli.language.source import Source

_MOST_CURVES = 6
_RANGE = re.compile(r"\s*([^\s=<>!]+)\s*=([^=.]*?|[^=].*?)\.\.(.*)", re.DOTALL)


class PlotFormat(StrEnum):
    """Forms of a plot."""

    text = "text"
    svg = "svg"
    png = "png"
    json = "json"


_ENDINGS = {
    ".txt": PlotFormat.text,
    ".svg": PlotFormat.svg,
    ".png": PlotFormat.png,
    ".json": PlotFormat.json,
}


class PlotOptions(NamedTuple):
    """What is drawn: programs, the range of one input, the values of the others."""

    environment: Environment
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROGRAM... NAME=FROM..TO [NAME=VALUE]...",
            help="One or more programs, the range of an input or of two, and the values of the others.",
            show_default=False,
        ),
    ] = None
    language: Language = None

    def read(self) -> tuple[list[Source], list[Side], dict[str, Value]]:
        """Return the programs, one range or two, and the other values.

        Raises UsageError, ParseError, InputError or FileError.
        """
        from backprop_cli.language.source import read_source

        programs, spans, given = _sort(list(self.arguments or []), loader(self.environment))
        if not programs:
            raise UsageError("a program is missing", hint='backprop plot "sigmoid(x)" x=-4..4')
        if len(programs) > _MOST_CURVES:
            raise UsageError(f"{len(programs)} curves are too many for one picture: {_MOST_CURVES} at most")
        _require_ranges(spans)
        for span in spans:
            if span.name in given or [other.name for other in spans].count(span.name) > 1:
                raise InputError(f"{span.name} is given twice, once as a range")
        if len(spans) > 1 and len(programs) > 1:
            raise UsageError("two ranges take one program", hint="draw the others one by one")
        names = {**given, **dict.fromkeys((span.name for span in spans), 0.0)}
        notation = None if self.language is None else self.language.value
        texts = [read_file(self.environment, p, "the program") if p == "-" else p for p in programs]
        return [read_source(text, names, notation) for text in texts], spans, given


def _sort(
    words: list[str], load: Callable[[str, str], Array]
) -> tuple[list[str], list[Side], dict[str, Value]]:
    """Sort words into programs, ranges and values. The first is a program."""
    from backprop_cli.language.values import is_array_value

    programs: list[str] = words[:1]
    spans: list[Side] = []
    given: dict[str, Value] = {}
    for word in words[1:]:
        found = _RANGE.fullmatch(word)
        if found:
            spans.append(_read_span(word, found))
        elif "=" not in word or (not is_array_value(word) and _is_program(word)):
            programs.append(word)
        else:
            _give(given, word, load)
    return programs, spans, given


def _is_program(word: str) -> bool:
    """Tell whether a word with a sign of equality is a program: y = x^2 is one, y = 2 is a value."""
    from backprop_cli.language.source import read_source

    try:
        source = read_source(word)
    except ParseError:
        return False
    return len(source.statements) > 1 or source.inputs.keys() > source.defaults.keys()


def _give(given: dict[str, Value], word: str, load: Callable[[str, str], Array]) -> None:
    from backprop_cli.language.values import read_values

    for name, value in read_values([word], load=load).items():
        if name in given:
            raise InputError(f"{name} is given twice", word, 0, len(word))
        given[name] = value


def _read_span(word: str, found: re.Match[str]) -> Side:
    from backprop_cli.language.reader import canonical_name, is_name
    from backprop_cli.language.source import evaluate_constant

    name = canonical_name(found[1])
    if not is_name(name):
        raise InputError(f"{found[1]!r} is not a name", word, 0, len(word), "x=-4..4")
    for place, end in ((2, "start"), (3, "end")):
        if not found[place].strip():
            raise InputError(f"the range of {name} has no {end}", word, 0, len(word), f"{name}=-4..4")
    return Side(name, evaluate_constant(found[2]), evaluate_constant(found[3]))


def _require_ranges(spans: list[Side]) -> None:
    if not spans:
        raise UsageError("a range is missing", hint='one input moves: backprop plot "sigmoid(x)" x=-4..4')
    if len(spans) > 2:
        names = listing([span.name for span in spans])
        raise UsageError(f"{names} can't all move", hint=f"give all but two a value: {spans[2].name}=1")


@command(
    epilog="""\b
Examples:
  backprop plot "sigmoid(x)" x=-6..6 --derivative
  backprop plot "sigmoid(x)" "tanh(x)" "relu(x)" x=-4..4 --output curves.svg
  backprop plot "w*x^2 + b" w=0.5 b=1 x=-2..2 --tangent 1
  backprop plot "1/x" x=-3..3 --json
  backprop plot "x^2+3*y^2" x=-2..2 y=-1..1

With two ranges, contours are drawn: lines along which the value is a level.
A line ends where the curve breaks: none goes across a pole, a jump or a
stretch without values, and a kink stays a corner.

Exit status: 0 done; 2 a mistake in a program, a value or an option, or a file
that can't be written; 3 there is no tangent where one is asked for.""",
)
def plot(
    options: Annotated[PlotOptions, From(PlotOptions)],
    derivative: Annotated[bool, typer.Option("--derivative", help="Draw the slope, too.")] = False,
    tangent: Annotated[
        str | None, typer.Option("--tangent", metavar="VALUE", help="Draw the tangent at this point.")
    ] = None,
    height: Annotated[
        str | None, typer.Option("--height", metavar="FROM..TO", help="What of the values is shown.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--output", metavar="FILE", help="Draw into FILE; .svg, .png, .json or .txt."),
    ] = None,
    theme: Annotated[Theme, typer.Option("--theme", help="Colours of SVG and PNG.")] = Theme.light,
    ascii: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    format: Annotated[
        PlotFormat | None, typer.Option("--format", help="Form of the plot, text by default.")
    ] = None,
    json: Json = False,
    *,
    output: Shown,
) -> int:
    """Draw programs over ranges of inputs.

    Slopes and tangents as well, where these are asked for.
    """
    from backprop_cli.curves.trace import trace_curve
    from backprop_cli.language.source import choose_point, evaluate_constant

    form = _choose_form(choose_format(format, None, PlotFormat.json if json else None), target, output)
    shown = None if height is None else _read_height(height)
    sources, spans, given = options.read()
    at = None if tangent is None else evaluate_constant(tangent)
    _refuse_unused(sources, {**given, **{span.name: 0.0 for span in spans}})
    if len(spans) > 1:
        if derivative or shown is not None or at is not None:
            raise UsageError("--derivative, --tangent and --height go with one range", hint="leave them out")
        _draw_field(sources[0], spans, given, form, target, output, theme=theme, ascii=ascii)
        return Status.DONE
    span = spans[0]
    curves = []
    for source in sources:
        values = {name: x for name, x in {**given, span.name: 0.0}.items() if source.takes(name)}
        point = choose_point(source, values)
        curves.append(trace_curve(source, point, *span, tangent=at))
    _require_tangent(curves)
    if form is PlotFormat.json:
        from backprop_cli.render.plot import render_json

        _put((render_json(curves) + "\n").encode(), [], target, output)
        return Status.DONE
    plane, told = plane_of(curves, slopes=derivative, height=shown), list(_told(curves))
    if form is not PlotFormat.text:
        _put(_painted(plane, curves[0].name, form, theme), told, target, output)
    elif target in (None, "-"):
        _show(plane, told, output, ascii=ascii)
    else:
        _put(_in_text(plane, told, ascii=ascii), told, target, output)
    return Status.DONE


def _draw_field(
    source: Source,
    spans: list[Side],
    given: dict[str, Value],
    form: PlotFormat,
    target: str | None,
    output: Output,
    *,
    theme: Theme,
    ascii: bool,
) -> None:
    """Draw the contours of a program over two ranges."""
    from backprop_cli.curves.field import trace_field
    from backprop_cli.draw.contours import plane_of_field
    from backprop_cli.language.source import choose_point
    from backprop_cli.render.contours import remarks, render_json

    point = choose_point(source, {**given, **{span.name: 0.0 for span in spans}})
    field = trace_field(source, point, *spans)
    told = list(remarks(field))
    if form is PlotFormat.json:
        _put((render_json(field) + "\n").encode(), told, target, output)
        return
    plane = plane_of_field(field)
    if form is not PlotFormat.text:
        title = f"contours of {' '.join(field.program.split())}"
        _put(_painted(plane, field.names[0], form, theme, title), told, target, output)
    elif target in (None, "-"):
        _show(plane, told, output, ascii=ascii)
    else:
        _put(_in_text(plane, told, ascii=ascii), [], target, output)


def _choose_form(format: PlotFormat | None, target: str | None, output: Output) -> PlotFormat:
    """Return the form: the one named, else the one that the ending of the file tells."""
    refuse_no_output(target)
    in_file = target not in (None, "-")
    ending = Path(target or "").suffix.lower() if in_file else ".txt"
    form = format or _ENDINGS.get(ending)
    if form is None:
        raise UsageError(f"the ending of {target} tells no form", hint=f"one of {' '.join(_ENDINGS)}")
    if form is PlotFormat.png and not in_file and output.environment.writes_terminal:
        raise UsageError("a PNG can't be shown in a terminal", hint="--output plot.png")
    return form


def _read_height(text: str) -> tuple[float, float]:
    from backprop_cli.language.source import evaluate_constant

    low, dots, high = text.partition("..")
    if not (low.strip() and dots and high.strip()):
        raise UsageError(f"--height can't be {text!r}", hint="--height -5..5")
    ends = evaluate_constant(low), evaluate_constant(high)
    if not 0 < ends[1] - ends[0] < math.inf:
        raise UsageError(f"--height {text} is empty or too large", hint="--height -5..5")
    return ends


def _refuse_unused(sources: list[Source], given: dict[str, Value]) -> None:
    for name in given:
        if not any(source.takes(name) for source in sources):
            raise InputError(
                f"{name} is in none of the programs" if len(sources) > 1 else f"{name} is not in the program"
            )


def _show(plane: Plane, told: Iterable[str], output: Output, *, ascii: bool) -> None:
    """Draw with characters, and tell where the curves break."""
    paper = output.paper("●○⣿┤└─−∂")
    lines = draw_plane(plane, columns=paper.columns, unicode=paper.unicode and not ascii, colour=paper.colour)
    output.write_drawing(lines, colour=paper.colour)
    for line in told:
        output.write(line + "\n")


def _told(curves: list[Curve]) -> Iterator[str]:
    from backprop_cli.render.plot import remarks

    for curve in curves:
        head = f"{' '.join(curve.program.split())}: " if len(curves) > 1 else ""
        yield from (head + line for line in remarks(curve))


def _put(data: bytes, told: Iterable[str], target: str | None, output: Output) -> None:
    """Write any other form, or text into a file. told: what is said beside it."""
    if not output.quiet:
        for line in told:
            output.remark(line)
    if target in (None, "-"):
        output.write_bytes(data)
    else:
        write_file(str(target), data)


def _in_text(plane: Plane, told: Iterable[str], *, ascii: bool) -> bytes:
    lines = draw_plane(plane, columns=None, unicode=not ascii, colour=False)
    return (plain_lines(lines) + "".join(line + "\n" for line in told)).encode()


def _painted(plane: Plane, name: str, form: PlotFormat, theme: Theme, title: str = "") -> bytes:
    from backprop_cli.draw.curves_svg import render_curves

    svg = render_curves(plane, name, theme=theme, title=title)
    if form is PlotFormat.svg:
        return svg.encode()
    from backprop_cli.draw.png import render_png

    return render_png(svg)


def _require_tangent(curves: list[Curve]) -> None:
    """Raise DomainError where there is no tangent that is asked for."""
    for curve in curves:
        at = curve.tangent
        if at is not None and at.slope is None:
            lacks = "no value" if at.value is None else "no single slope"
            text = " ".join(curve.program.split())
            raise DomainError(f"there is no tangent at {curve.name} = {at.x:g}: {text} has {lacks} there")
