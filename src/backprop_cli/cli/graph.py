"""``backprop graph``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import Shown, StepsOption, Where, digits_of, raise_missing, refuse_no_output
from backprop_cli.console.output import Paper, plain_lines
from backprop_cli.draw.forms import (
    MOST_NODES,
    Direction,
    Drawing,
    Form,
    Style,
    Theme,
    boxes_of,
    form_of_file,
    refuse_many,
    render_drawing,
)
from backprop_cli.errors import FileError, Status, UsageError
from backprop_cli.report import Steps
from backprop_cli.system.files import write_file

if TYPE_CHECKING:
    from backprop_cli.cli.options import PointOptions
    from backprop_cli.console.output import Output
    from backprop_cli.draw.diagram import Diagram
    from backprop_cli.language.arrays.values import Value
    from backprop_cli.language.source import Source
    from backprop_cli.report import Report

MOST_IN_PAGE = 5_000
"""Nodes behind the arrays of a page, which holds a row for each: some 5 MB."""
_EVERY_NODE = "backprop grad --json has every node"


@command(
    epilog="""\b
Examples:
  backprop graph "(a*b+c)*f" a=2 b=3 c=-10 f=5
  backprop graph "(x + y)*(x*y)"
  backprop graph "relu(w*x + b)" w=0.5 x=2 b=-0.3 --output neuron.svg
  backprop graph "(a*b+c)*f" a=2 b=3 c=-10 f=5 --output lesson.html --open
  backprop graph "(a*b+c)*f" --format dot | dot -Tpdf > graph.pdf
  backprop graph "a*b + c" a=2 b=3 c=-10 --animate --output passes.svg
  backprop graph "(a*b+c)*f" --stats

Without any NAME=VALUE, where the program has no values of its own either, the
bare graph is drawn, with formulas for the local derivatives. In a terminal,
boxes are drawn where they fit its width, else rails: a line for each node.
What goes to a file or a pipe as text is rails of any width.

Exit status: 0 done; 2 a mistake in the program, a value or an option, or a file
that can't be written; 3 the value or a requested gradient does not exist or is
not finite.""",
)
def graph(
    options: Where,
    target: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Draw into FILE; its ending tells the form: .svg .png .html .dot .gv .mmd .txt",
        ),
    ] = None,
    format: Annotated[
        Form | None, typer.Option("--format", help="Form of the drawing, text by default.")
    ] = None,
    steps: StepsOption = None,
    symbolic: Annotated[bool, typer.Option("--symbolic", help="Show local derivatives as formulas.")] = False,
    style: Annotated[Style, typer.Option("--style", help="How text is drawn.")] = Style.auto,
    ascii: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    direction: Annotated[
        Direction, typer.Option("--direction", help="Left to right, or top to bottom; not for text.")
    ] = Direction.LR,
    theme: Annotated[
        Theme, typer.Option("--theme", help="Colours of SVG and PNG; auto: those of the page around an SVG.")
    ] = Theme.light,
    animate: Annotated[
        bool, typer.Option("--animate", help="An SVG that plays: values forward, then gradients back.")
    ] = False,
    show: Annotated[bool, typer.Option("--open", help="Show the HTML page in the browser.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help=f"Draw also a graph of more than {MOST_NODES:,} nodes.")
    ] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Count operations, also of the adjoint graph, instead of drawing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The counts of --stats as JSON.")] = False,
    *,
    digits: Annotated[int | None, digits_of(4)],
    output: Shown,
) -> int:
    """Draw the graph of a program.

    Every node with its value and its gradient, and the local derivatives between
    them. An array is one box; --steps all draws its elements.
    """
    plain = Form.svg if animate and target in (None, "-") else None
    form = _choose_form(format or plain, target, output, show=show)
    if animate and form is not Form.svg:
        raise UsageError(f"--animate makes an SVG, not {form}", hint="--animate --output graph.svg")
    file = None if target == "-" else target
    job = _read(options)
    if json and not stats:
        raise UsageError("--json goes with --stats", hint="the graph as JSON: backprop grad --json")
    if not json:
        output.tell_reading(job.source.read_as)
    if stats:
        output.write(_count(job, as_json=json) + "\n")
        return Status.DONE
    report, diagram = _compute(job, form, digits, steps, symbolic=symbolic, force=force)
    if animate and report is None:
        raise UsageError("without values there is nothing to play", hint="give each input one: a=2 b=3")
    drawing = Drawing(diagram, report, form, style, direction, theme, animate, steps)
    if form is Form.text:
        _write_text(drawing, file, output, ascii=ascii)
    elif file is not None or show or not output.quiet:
        _write_file(drawing, file, output, ascii=ascii, show=show)
    if report is not None:
        output.warn(report.warnings)
        raise_missing(report, output)
    return Status.DONE


class _Job(NamedTuple):
    """What is asked for: a program, the values given, the inputs to differentiate by, the upstream."""

    source: Source
    given: dict[str, Value]
    wanted: list[str]
    upstream: float


def _read(options: PointOptions) -> _Job:
    from backprop_cli.language.source import read_source

    text, given = options.read_program_of_arrays(shapes=True)
    upstream = options.read_upstream()
    source = read_source(text, given, options.notation)
    wanted = options.choose_inputs(source)
    return _Job(source, given, list(source.inputs) if wanted is None else wanted, upstream)


def _choose_form(format: Form | None, target: str | None, output: Output, *, show: bool) -> Form:
    """Return the form: the one named, else the one that the ending of the file or --open tells."""
    refuse_no_output(target)
    in_file = target not in (None, "-")
    form = form_of_file(str(target)) if format is None and in_file else format
    if show and form not in (None, Form.html):
        raise UsageError(
            f"--open shows the HTML page, not {form}", hint="--output page.html --open, or --open alone"
        )
    if form is Form.png and not in_file and not output.quiet and output.environment.writes_terminal:
        raise UsageError("a PNG can't be shown in a terminal", hint="--output graph.png")
    return Form.html if show else form or Form.text


def _count(job: _Job, *, as_json: bool) -> str:
    from backprop_cli.graph.lower import lower_source
    from backprop_cli.render.stats import render_stats, render_stats_json
    from backprop_cli.tell.stats import count_graph

    counts = replace(count_graph(lower_source(job.source), job.wanted), read_as=job.source.read_as)
    return render_stats_json(counts) if as_json else render_stats(counts)


def _compute(
    job: _Job, form: Form, digits: int | None, steps: Steps | None, *, symbolic: bool, force: bool
) -> tuple[Report | None, Diagram]:
    """Return what is drawn, and the report that it shows, if there is a point."""
    from backprop_cli.differentiate import differentiate_graph
    from backprop_cli.draw.arrays import diagram_of_shapes, diagram_of_steps
    from backprop_cli.draw.diagram import diagram_of_graph
    from backprop_cli.graph.lower import lower_source
    from backprop_cli.language.arrays.values import as_array
    from backprop_cli.language.source import choose_point

    source, given, wanted, upstream = job
    has_values = any(as_array(value).values for value in given.values())
    is_bare = not has_values and source.inputs.keys() > source.defaults.keys() and form is not Form.html
    point = None if is_bare else choose_point(source, given)
    tape = lower_source(source)
    has_arrays = tape.arrays is not None
    in_arrays = has_arrays and steps is None and form is not Form.html
    is_page = has_arrays and form is Form.html
    if is_page and steps is Steps.NAMED:
        raise UsageError("the page has a box for each array", hint="leave --steps out; Level shows all nodes")
    nodes = tape.constant.count(0, 0, tape.end)
    if not (force or in_arrays or (is_page and nodes <= MOST_IN_PAGE)):
        instead = "without --steps each array is one box" if has_arrays and not is_page else _EVERY_NODE
        refuse_many(nodes, instead)
    if point is None:
        if steps is Steps.NAMED:
            raise UsageError("without values every operation is drawn", hint="give each input one: a=2 b=3")
        return None, diagram_of_shapes(tape) if in_arrays else diagram_of_graph(tape)
    report = differentiate_graph(source, tape, point, wanted, upstream=upstream, check=False)
    diagram = diagram_of_steps(
        report, Steps.ALL if form is Form.html else steps, digits=digits, symbolic=symbolic
    )
    if not (force or is_page):
        refuse_many(len(diagram.boxes), _EVERY_NODE)
    return report, diagram


def _write_text(drawing: Drawing, target: str | None, output: Output, *, ascii: bool) -> None:
    """Draw with characters, for standard output or a file."""
    from backprop_cli.draw.rails import draw_rails

    if target is None and output.quiet:
        return
    paper = output.paper("○●◉│─├┤┼╰╯┴╭╮┬╔═╗╚╝║╟▶∂×−…²")
    if target is not None:
        paper = Paper(None, unicode=True, colour=False)
    columns, unicode = paper.columns, paper.unicode and not ascii
    lines = boxes_of(drawing, columns=columns, unicode=unicode)
    if lines is None and drawing.style is Style.boxes:
        where = "" if columns is None else f" in {columns} columns"
        output.diagnose(f"boxes can't be drawn clearly{where}; these are rails")
    lines = lines or draw_rails(drawing.diagram, columns=columns, unicode=unicode)
    if target is None:
        output.write_drawing(lines, colour=paper.colour)
    else:
        write_file(target, plain_lines(lines).encode())


def _write_file(drawing: Drawing, target: str | None, output: Output, *, ascii: bool, show: bool) -> None:
    """Draw any other form, for standard output, a file or the browser."""
    unicode = not ascii and (target is not None or output.paper("∂×·").unicode)
    data = render_drawing(drawing, unicode=unicode)
    if show:
        _open_page(data, target)
    elif target is not None:
        write_file(target, data)
    else:
        output.write_bytes(data)


def _open_page(page: bytes, target: str | None) -> None:
    """Show a page in the browser, from the file that is asked for or from a temporary one."""
    import tempfile
    import webbrowser

    if target is None:
        target = str(Path(tempfile.mkdtemp(prefix="backprop-")) / "graph.html")
    path = write_file(target, page)
    if not webbrowser.open(path.as_uri()):
        raise FileError("no browser can be opened", hint=f"the page is {path}")
