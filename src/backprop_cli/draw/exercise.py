"""The graph of a problem with blanks: with characters, or as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.console.output import plain_lines
from backprop_cli.draw.boxes import draw_boxes
from backprop_cli.draw.diagram import diagram_of_report
from backprop_cli.draw.rails import draw_rails
from backprop_cli.draw.svg import render_svg

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.draw.diagram import Diagram
    from backprop_cli.report import Report

_MOST_ACROSS = 3  # steps beside each other that a sheet of paper has room for


def draw_exercise(
    report: Report, show: Callable[[float], str], *, unicode: bool, columns: int | None = None
) -> str:
    """Return the graph of a report. show: what stands in the place of a number that is asked for."""
    diagram = _with_blanks(report, show)
    lines = draw_boxes(diagram, columns=columns, unicode=unicode)
    return plain_lines(lines or draw_rails(diagram, columns=columns, unicode=unicode)).rstrip("\n")


def picture_of_exercise(report: Report, show: Callable[[float], str]) -> str:
    """Return the same as SVG that is no wider than a sheet of paper."""
    steps = sum(node.op != "input" for node in report.nodes)
    return render_svg(_with_blanks(report, show), direction="LR" if steps <= _MOST_ACROSS else "TB")


def _with_blanks(report: Report, show: Callable[[float], str]) -> Diagram:
    diagram = diagram_of_report(report, digits=None)
    nodes = report.nodes
    boxes = tuple(
        box._replace(
            value=box.value if box.role == "input" else show(node.value),
            gradient=box.gradient if box.role == "output" else show(node.gradient),
        )
        for box, node in zip(diagram.boxes, nodes, strict=True)
    )
    arrows = tuple(
        arrow._replace(partial="" if partial is None else show(partial))
        for arrow in diagram.arrows
        for partial in [nodes[arrow.target].partials[arrow.argnum]]
    )
    return diagram._replace(boxes=boxes, arrows=arrows)
