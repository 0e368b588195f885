"""The graph of a problem with blanks, with characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.console.output import plain_lines
from backprop_cli.draw.boxes import draw_boxes
from backprop_cli.draw.diagram import diagram_of_report
from backprop_cli.draw.rails import draw_rails

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.report import Report


def draw_exercise(report: Report, show: Callable[[float], str], *, unicode: bool) -> str:
    """Return the graph of a report. show: what stands in the place of a number that is asked for."""
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
    blank = diagram._replace(boxes=boxes, arrows=arrows)
    lines = draw_boxes(blank, columns=None, unicode=unicode)
    return plain_lines(lines or draw_rails(blank, columns=None, unicode=unicode)).rstrip("\n")
