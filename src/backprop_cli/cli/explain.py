"""``backprop explain``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import Asked, Shown, StepsOption, digits_of, form_of, raise_missing, read_number
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.console.output import Output
    from backprop_cli.render.pens import Line, TextPen
    from backprop_cli.report import Report
    from backprop_cli.tell.lesson import Lesson


class Format(StrEnum):
    """Forms of output."""

    text = "text"
    markdown = "markdown"
    latex = "latex"
    marp = "marp"
    json = "json"


class Maths(StrEnum):
    """How Markdown has blocks of mathematics."""

    fenced = "fenced"
    dollars = "dollars"


@command(
    epilog="""\b
Examples:
  backprop explain "e = a*b; d = e + c; L = d*f" a=2 b=3 c=-10 f=5
  backprop explain "relu(x)" x=-2 --upstream 10
  backprop explain "u = w*x; k = w^2; L = u + k" w=2 x=5 --paths w
  backprop explain "z = w*x + b; tanh(z)" w=2 x=1 b=-1 --steps all
  backprop explain "tanh(x)" x=0.5 --limit v1
  backprop explain "e = a*b; L = e^2" a=2 b=3 --nudge 0.001
  backprop explain --file network.txt --flow
  backprop explain "sin(x*y)" x=1 y=2 --order 2

\b
Exit status: 0 done; 2 a mistake in the program, a value or an option; 3 the
value or a requested gradient does not exist or is not finite.""",
)
def explain(
    request: Asked,
    why: Annotated[str | None, typer.Option("--why", metavar="NODE", help="Explain this node only.")] = None,
    paths: Annotated[
        str | None,
        typer.Option("--paths", metavar="NODE", help="List the paths from NODE to the output."),
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option(
            "--limit",
            metavar="NODE",
            help="Prove NODE's rule by difference quotients, of an input the gradient.",
        ),
    ] = None,
    nudge: Annotated[
        str | None,
        typer.Option("--nudge", metavar="VALUE", help="Move each input by VALUE, and see the output move."),
    ] = None,
    flow: Annotated[
        bool, typer.Option("--flow", help="Show the gradient's size along the longest path.")
    ] = False,
    story: Annotated[
        bool, typer.Option("--story", help="Tell it as a shot: data forward, responsibility back.")
    ] = False,
    order: Annotated[
        int, typer.Option("--order", metavar="N", help="2: tell how the second derivatives arise, too.")
    ] = 1,
    steps: StepsOption = None,
    *,
    form: Annotated[Format, form_of(Format.text)],
    ascii: Annotated[bool, typer.Option("--ascii", help="Use ASCII characters only.")] = False,
    maths: Annotated[
        Maths | None,
        typer.Option("--math", help="Formulas in Markdown: fenced as on GitHub, or between dollars."),
    ] = None,
    digits: Annotated[int | None, digits_of(6)],
    output: Shown,
) -> int:
    """Tell the forward and the backward pass step by step.

    The chain rule is written out with symbols, numbers and result.
    """
    from backprop_cli.differentiate import differentiate_source
    from backprop_cli.tell.lesson import prepare_lesson
    from backprop_cli.tell.slopes import has_lost_digits

    if maths is not None and form is not Format.markdown:
        raise UsageError("--math goes with --format markdown", hint="--format markdown --math dollars")
    step = None if nudge is None else read_number(nudge, "--nudge", "0.001")

    def differentiated(*, check: bool) -> Report:
        return differentiate_source(
            request.source, request.point, wrt=request.wrt, upstream=request.upstream, check=check
        )

    report = differentiated(check=False)
    if has_lost_digits(report):  # the check tells where, and what is right
        report = differentiated(check=True)
    lesson = prepare_lesson(
        report,
        why=why,
        paths=paths,
        limit=limit,
        nudge=step,
        flow=flow,
        shot=story,
        order=order,
        digits=digits,
        steps=steps,
    )
    if not output.quiet:
        if form is not Format.json:
            output.tell_reading(report.read_as)
        _show(lesson, form, digits, output, maths=maths or Maths.fenced, ascii=ascii)
    raise_missing(report, output)
    return Status.DONE


def _show(
    lesson: Lesson, form: Format, digits: int | None, output: Output, *, maths: Maths, ascii: bool
) -> None:
    from backprop_cli.render import story as render

    if form is Format.json:
        output.write(render.render_json(lesson))
        return
    pen = _pen(lesson, form, digits, output, ascii=ascii)
    lines: Iterable[Line] = render.lesson_lines(lesson, pen)
    if ascii:
        lines = render.in_ascii(lines)
    if form is Format.text:
        output.write_blocks(render.text_blocks(lines))
    elif form is Format.markdown:
        output.write(render.markdown(lines, dollars=maths is Maths.dollars))
    elif form is Format.marp:
        output.write(render.slides(lines, lesson.story.program))
    else:
        output.write(render.latex(lines, lesson.story.program))


def _pen(lesson: Lesson, form: Format, digits: int | None, output: Output, *, ascii: bool) -> TextPen:
    from backprop_cli.render.pens import MathPen, TextPen

    is_text = form is Format.text
    # LaTeX has the words in ASCII; its formulas have signs of their own.
    unicode = output.paper("∂·×−→").unicode if is_text else form is not Format.latex
    kind = TextPen if is_text else MathPen
    return kind(lesson.story.output, lesson.story.upstream, digits, unicode=unicode and not ascii)
