"""``backprop explain``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from backprop_cli.cli.app import app
from backprop_cli.cli.options import (
    Arguments,
    Color,
    ColorOption,
    Digits,
    File,
    Json,
    Quiet,
    Upstream,
    Wrt,
    choose_format,
    read_digits,
    read_request,
)
from backprop_cli.cli.words import ProgramCommand
from backprop_cli.console.output import Output
from backprop_cli.errors import Status


class Format(StrEnum):
    """Forms of output."""

    text = "text"
    markdown = "markdown"
    latex = "latex"
    json = "json"


@app.command(
    cls=ProgramCommand,
    options_metavar="[OPTIONS]",
    epilog="""\b
Examples:
  backprop explain "e = a*b; d = e + c; L = d*f" a=2 b=3 c=-10 f=5
  backprop explain "relu(x)" x=-2 --upstream 10
  backprop explain "u = w*x; k = w^2; L = u + k" w=2 x=5 --paths w
  backprop explain "tanh(x)" x=0.5 --limit v1

\b
Exit status: 0 done; 2 a mistake in the program, a value or an option; 3 the
value or a requested gradient does not exist or is not finite.""",
)
def explain(
    arguments: Arguments = None,
    file: File = None,
    wrt: Wrt = None,
    upstream: Upstream = "1",
    why: Annotated[str | None, typer.Option("--why", metavar="NODE", help="Explain this node only.")] = None,
    paths: Annotated[
        str | None,
        typer.Option("--paths", metavar="NODE", help="List the paths from NODE to the output."),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option("--limit", metavar="NODE", help="Prove NODE's local rule by difference quotients."),
    ] = None,
    json: Json = False,
    format: Annotated[
        Format | None, typer.Option("--format", help="Form of the output, text by default.")
    ] = None,
    ascii: Annotated[bool, typer.Option("--ascii", help="Use ASCII characters only.")] = False,
    digits: Digits = "6",
    quiet: Quiet = False,
    color: ColorOption = Color.auto,
) -> int:
    """Tell the forward and the backward pass step by step.

    The chain rule is written out with symbols, numbers and result.
    """
    form = choose_format(format, Format.text, Format.json if json else None)
    shown = read_digits(digits)
    request = read_request(arguments, file, wrt, upstream)

    from backprop_cli.differentiate import differentiate_source
    from backprop_cli.findings.undefined import undefined_gradients
    from backprop_cli.notation.pretty import to_ascii
    from backprop_cli.render import story as render
    from backprop_cli.tell.limits import difference_quotients
    from backprop_cli.tell.paths import find_paths
    from backprop_cli.tell.story import tell

    report = differentiate_source(
        request.source, request.point, wrt=request.wrt, upstream=request.upstream, check=False
    )
    story = tell(report, why=why, digits=shown)
    found = None if paths is None else find_paths(report, paths)
    limits = [] if limit is None else list(difference_quotients(report, limit))
    output = Output(color)
    if not quiet:
        if form is Format.json:
            output.write(render.render_json(story, found, limits))
        else:
            is_text = form is Format.text
            kind = render.TextPen if is_text else render.MathPen
            # LaTeX has the words in ASCII; its formulas have signs of their own.
            unicode = output.paper("∂·×−→").unicode if is_text else form is Format.markdown
            unicode = unicode and not ascii
            pen = kind(report.output, report.upstream, shown, unicode=unicode)
            lines: list[render.Line] = []
            if why is not None or (found is None and not limits):
                lines += render.story_lines(story, pen)
            if found is not None:
                lines += render.path_lines(found, pen)
            if limits:
                lines += render.limit_lines(limits, pen)
            if ascii:
                lines = [line._replace(text=to_ascii(line.text)) for line in lines]
            if is_text:
                output.write_blocks(render.text_blocks(lines))
            else:
                output.write(
                    render.markdown(lines) if form is Format.markdown else render.latex(lines, report.program)
                )
    missing = undefined_gradients(report)
    if missing is not None:
        output.flush()
        raise missing
    return Status.DONE
