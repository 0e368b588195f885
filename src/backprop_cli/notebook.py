"""How a report shows itself in a notebook: tables, a picture, the story as Markdown with mathematics.

Nothing here has an id or a style that reaches beyond itself, so that a notebook may hold any number of them.
"""

from __future__ import annotations

from html import escape
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from backprop_cli.errors import InputError
from backprop_cli.report import Steps
from backprop_cli.text import in_xml

if TYPE_CHECKING:
    from sympy.core.expr import Expr

    from backprop_cli.console.sheets import Sheet
    from backprop_cli.report import Report

_DIGITS, _MOST_GRADIENTS = 6, 40


class Picture:
    """A drawing, shown by Jupyter as it is. ``str`` gives the SVG."""

    def __init__(self, svg: str) -> None:
        self._svg = svg

    def __str__(self) -> str:
        return self._svg

    def __repr__(self) -> str:
        return f"<SVG of {len(self._svg):,} characters; save('graph.svg') writes it>"

    def _repr_svg_(self) -> str:
        return self._svg

    def save(self, name: str | Path) -> None:
        """Write the picture to a file: SVG, or PNG where its name ends so. Raises FileError or UsageError."""
        from backprop_cli.draw.png import render_png
        from backprop_cli.system.files import write_file

        is_png = Path(name).suffix.lower() == ".png"
        write_file(str(name), render_png(self._svg) if is_png else self._svg.encode())


class Explanation:
    """What ``backprop explain`` tells, shown by Jupyter with its formulas set. ``str`` gives the text.

    markdown: the same as Markdown.
    """

    def __init__(self, text: str, markdown: str) -> None:
        self._text = text
        self.markdown = markdown

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return self._text

    def _repr_markdown_(self) -> str:
        return self.markdown


def read_steps(text: str) -> Steps:
    """Return what counts as a step. Raises InputError."""
    if text not in tuple(Steps):
        raise InputError(f"steps can't be {text!r}", hint='"named", "all" or None')
    return Steps(text)


def explain_report(
    report: Report,
    why: str | None,
    paths: str | None,
    limit: str | None,
    nudge: float | None,
    steps: str | None,
    digits: int | None,
    order: int,
) -> Explanation:
    """Return what is told of a report; see ``Report.explain``."""
    from backprop_cli.console.sheets import render_plain
    from backprop_cli.render import pens, story
    from backprop_cli.tell.lesson import prepare_lesson

    chosen = None if steps is None else read_steps(steps)
    lesson = prepare_lesson(
        report, why=why, paths=paths, limit=limit, nudge=nudge, order=order, digits=digits, steps=chosen
    )
    plain, maths = (
        story.lesson_lines(lesson, pen(lesson.story.output, report.upstream, digits))
        for pen in (pens.TextPen, pens.MathPen)
    )
    return Explanation(
        render_plain(story.text_blocks(plain)).rstrip("\n"), story.markdown(maths, dollars=True)
    )


def draw_report(report: Report, direction: str, theme: str, steps: str | None, digits: int | None) -> Picture:
    """Return the graph of a report as a picture; see ``Report.draw``."""
    from backprop_cli.draw.arrays import diagram_of_steps
    from backprop_cli.draw.svg import render_svg

    diagram = diagram_of_steps(report, None if steps is None else read_steps(steps), digits=digits)
    return Picture(render_svg(diagram, direction=direction, theme=theme))


def report_html(report: Report) -> str:
    """Return a report as the tables of ``backprop grad``."""
    from backprop_cli.render.table import check_sheet, closing, node_sheet
    from backprop_cli.tell.formulas import in_names

    nodes = node_sheet(report, digits=_DIGITS, everything=False, stacked=True)
    parts = [_table(nodes)]
    if report.gradients:
        parts.append(_table(check_sheet(in_names(report, None), digits=_DIGITS, everything=False)))
    parts += [f"<p>{_text(line)}</p>" for line, _ in closing(report, _DIGITS)]
    return f"<div>{''.join(parts)}</div>"


def _table(sheet: Sheet) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in sheet.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{'<br>'.join(map(_text, cell))}</td>" for cell in row.cells) + "</tr>"
        for row in sheet.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def report_latex(report: Report) -> str:
    """Return the value and the gradients as formulas."""
    from backprop_cli.render.pens import MathPen

    pen = MathPen(report.output, report.upstream, _DIGITS)
    lines = [f"{pen.name(report.output)} &= {pen.number(report.value)}"]
    shown = islice(report.gradients.items(), _MOST_GRADIENTS)
    lines += [f"{pen.gradient(name)} &= {pen.number(slope)}" for name, slope in shown]
    more = len(report.gradients) - _MOST_GRADIENTS
    lines += [rf"&\text{{and {more:,} more}}"] if more > 0 else []
    return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"


def _text(text: str) -> str:
    return escape(in_xml(text))


def report_expression(report: Report) -> Expr:
    """Return the program of a report as an expression of SymPy's. Raises LimitError for one that is long."""
    from backprop_cli.check.expressions import graph_expression
    from backprop_cli.differentiate import graph_of

    return graph_expression(graph_of(report))
