"""``backprop graph``."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.app import app
from backprop_cli.cli.options import (
    Arguments,
    Color,
    ColorOption,
    Digits,
    File,
    Quiet,
    Upstream,
    Wrt,
    choose_inputs,
    read_digits,
    read_program,
    read_upstream,
)
from backprop_cli.cli.words import ProgramCommand
from backprop_cli.console.output import Output, Paper, is_terminal
from backprop_cli.errors import FileError, Status, UsageError
from backprop_cli.system.files import write_file

if TYPE_CHECKING:
    from backprop_cli.draw.diagram import Diagram
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source
    from backprop_cli.report import Report

MOST_NODES = 1000
"""A graph of more nodes is drawn only if it is insisted on."""


class Format(StrEnum):
    """Forms of the drawing."""

    text = "text"
    svg = "svg"
    png = "png"
    dot = "dot"
    mermaid = "mermaid"
    html = "html"


class Direction(StrEnum):
    """Where the output is: on the right, or at the bottom."""

    LR = "LR"
    TB = "TB"


class Style(StrEnum):
    """Drawings in text."""

    auto = "auto"
    boxes = "boxes"
    rails = "rails"


_ENDINGS = {
    ".txt": Format.text,
    ".svg": Format.svg,
    ".png": Format.png,
    ".dot": Format.dot,
    ".gv": Format.dot,
    ".mmd": Format.mermaid,
    ".html": Format.html,
}


@app.command(
    cls=ProgramCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  backprop graph "(a*b+c)*f" a=2 b=3 c=-10 f=5
  backprop graph "(x + y)*(x*y)"
  backprop graph "relu(w*x + b)" w=0.5 x=2 b=-0.3 --output neuron.svg
  backprop graph "(a*b+c)*f" a=2 b=3 c=-10 f=5 --output lesson.html --open
  backprop graph "(a*b+c)*f" --format dot | dot -Tpdf > graph.pdf
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
    arguments: Arguments = None,
    file: File = None,
    wrt: Wrt = None,
    upstream: Upstream = "1",
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Draw into FILE; its ending tells the form: .svg .png .html .dot .gv .mmd .txt",
        ),
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="Form of the drawing, text by default.")
    ] = None,
    symbolic: Annotated[bool, typer.Option("--symbolic", help="Show local derivatives as formulas.")] = False,
    style: Annotated[Style, typer.Option("--style", help="How text is drawn.")] = Style.auto,
    ascii: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
    direction: Annotated[
        Direction, typer.Option("--direction", help="Left to right, or top to bottom; not for text.")
    ] = Direction.LR,
    show: Annotated[bool, typer.Option("--open", help="Show the HTML page in the browser.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help=f"Draw also a graph of more than {MOST_NODES:,} nodes.")
    ] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Count operations, also of the adjoint graph, instead of drawing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The counts of --stats as JSON.")] = False,
    digits: Digits = "4",
    quiet: Quiet = False,
    color: ColorOption = Color.auto,
) -> int:
    """Draw the graph of a program.

    Every node with its value and its gradient, and the local derivatives between them.
    """
    if output == "":
        raise UsageError("--output names no file", hint="--output FILE, or --output - for standard output")
    target = None if output == "-" else output
    form = _choose_form(format, target, show=show)
    writer = Output(color)
    if form is Format.png and target is None and not quiet and is_terminal(sys.stdout):
        raise UsageError("a PNG can't be shown in a terminal", hint="--output graph.png")
    shown_digits = read_digits(digits)
    text, given = read_program(arguments, file)
    seed = read_upstream(upstream)

    from backprop_cli.language.source import choose_point, read_source

    source = read_source(text, given)
    wanted = choose_inputs(source, wrt)
    if json and not stats:
        raise UsageError("--json goes with --stats", hint="the graph as JSON: backprop grad --json")
    if stats:
        if not quiet:
            writer.write(_count(source, wanted, as_json=json) + "\n")
        return Status.DONE
    is_bare = not given and source.inputs.keys() > source.defaults.keys() and form is not Format.html
    point = None if is_bare else choose_point(source, given)

    from backprop_cli.differentiate import differentiate_graph
    from backprop_cli.draw.diagram import diagram_of_graph, diagram_of_report
    from backprop_cli.findings.undefined import undefined_gradients
    from backprop_cli.graph.lower import lower_source

    tape = lower_source(source)
    if not force:
        _refuse_many(tape)
    report = None
    if point is not None:
        wanted = list(source.inputs) if wanted is None else wanted
        report = differentiate_graph(source, tape, point, wanted, upstream=seed, check=False)
        diagram = diagram_of_report(report, digits=shown_digits, symbolic=symbolic)
    else:
        diagram = diagram_of_graph(tape)
    if form is Format.text:
        _write_text(writer, diagram, style, target, ascii=ascii, quiet=quiet)
    elif target is not None or show or not quiet:
        paper = writer.paper("∂×·")
        unicode = not ascii and (target is not None or paper.unicode)
        data = _render(form, diagram, report, direction, unicode=unicode)
        if show:
            _open_page(data, target)
        elif target is not None:
            write_file(target, data)
        else:
            writer.write_bytes(data)
    if report is None:
        return Status.DONE
    if not quiet:
        writer.flush()
        writer.warn(report.warnings)
    missing = undefined_gradients(report)
    if missing is not None:
        writer.flush()
        raise missing
    return Status.DONE


def _choose_form(format: Format | None, target: str | None, *, show: bool) -> Format:
    """Return the form: the one named, else the one that the ending of the file or --open tells."""
    form = format
    if form is None and target is not None:
        ending = Path(target).suffix.lower()
        form = _ENDINGS.get(ending)
        if form is None:
            raise UsageError(
                f"the ending of {target} tells no form"
                if ending
                else f"{target} has no ending that tells a form",
                hint=f"one of {' '.join(_ENDINGS)}, or --format {'|'.join(Format)}",
            )
    if show and form not in (None, Format.html):
        raise UsageError(
            f"--open shows the HTML page, not {form}", hint="--output page.html --open, or --open alone"
        )
    return Format.html if show else form or Format.text


def _count(source: Source, wanted: list[str] | None, *, as_json: bool) -> str:
    from backprop_cli.graph.lower import lower_source
    from backprop_cli.render.stats import render_stats, render_stats_json
    from backprop_cli.tell.stats import count_graph

    counts = count_graph(lower_source(source), list(source.inputs) if wanted is None else wanted)
    return render_stats_json(counts) if as_json else render_stats(counts)


def _refuse_many(tape: Graph) -> None:
    """Raise UsageError for a graph that would be no picture any more."""
    count = tape.constant.count(0, 0, tape.end)
    if count > MOST_NODES:
        raise UsageError(
            f"the graph has {count:,} nodes, and a drawing of more than {MOST_NODES:,} can hardly be read",
            hint="--force draws it all the same; backprop grad --json has every node",
        )


def _write_text(
    writer: Output, diagram: Diagram, style: Style, target: str | None, *, ascii: bool, quiet: bool
) -> None:
    """Draw with characters, for standard output or a file."""
    from backprop_cli.console.output import plain_lines
    from backprop_cli.draw.boxes import draw_boxes
    from backprop_cli.draw.rails import draw_rails

    if target is None and quiet:
        return
    paper = writer.paper("○●◉│─├┤┼╰╯┴╭╮┬╔═╗╚╝║╟▶∂×−…²")
    if target is not None:
        paper = Paper(None, unicode=True, colour=False)
    unicode = paper.unicode and not ascii
    lines = None
    if style is Style.boxes or (style is Style.auto and paper.columns is not None):
        lines = draw_boxes(diagram, columns=paper.columns, unicode=unicode, however_tall=style is Style.boxes)
        if lines is None and style is Style.boxes:
            where = "" if paper.columns is None else f" in {paper.columns} columns"
            writer.diagnose(f"boxes can't be drawn clearly{where}; these are rails")
    lines = lines or draw_rails(diagram, columns=paper.columns, unicode=unicode)
    if target is None:
        writer.write_drawing(lines, colour=paper.colour)
    else:
        write_file(target, plain_lines(lines).encode())


def _render(
    form: Format, diagram: Diagram, report: Report | None, direction: Direction, *, unicode: bool
) -> bytes:
    """Return the drawing as the content of a file."""
    if form is Format.dot:
        from backprop_cli.draw.dot import render_dot

        return render_dot(diagram, direction=direction, unicode=unicode).encode()
    if form is Format.mermaid:
        from backprop_cli.draw.mermaid import render_mermaid

        return render_mermaid(diagram, direction=direction, unicode=unicode).encode()
    if form is Format.html:
        from backprop_cli.draw.page import render_page

        assert report is not None
        return render_page(report, direction=direction).encode()
    from backprop_cli.draw.svg import render_svg

    svg = render_svg(diagram, direction=direction)
    if form is Format.svg:
        return svg.encode()
    from backprop_cli.draw.png import render_png

    return render_png(svg)


def _open_page(page: bytes, target: str | None) -> None:
    """Show a page in the browser, from the file that is asked for or from a temporary one."""
    import tempfile
    import webbrowser

    if target is None:
        target = str(Path(tempfile.mkdtemp(prefix="backprop-")) / "graph.html")
    path = write_file(target, page)
    if not webbrowser.open(path.as_uri()):
        raise FileError("no browser can be opened", hint=f"the page is {path}")
