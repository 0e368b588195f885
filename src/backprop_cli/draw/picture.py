"""The graph in the page: boxes with room for the longest number, whose texts the page fills in."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from backprop_cli.draw.diagram import diagram_of_report
from backprop_cli.draw.layout import place
from backprop_cli.notation.pretty import pretty

if TYPE_CHECKING:
    from backprop_cli.draw.diagram import Box, Diagram
    from backprop_cli.report import Report

_LINE = 19
_WIDTH = 172.0  # "gradient" and 12 characters of a number
_WIDTH_OF_ARRAY = 336.0
_PART = " part"
_HEIGHT = 25.0 + 2 * _LINE + 7
_CHARACTER = 7.8
_MOST_CHARACTERS = 34
# For the labels of arrows, whose numbers change.
_ROOM, _APART = 64.0, {"LR": 20.0, "TB": 70.0}

TIPS = """<svg class="tips" width="0" height="0" aria-hidden="true"><defs>
<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" \
markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 10 5 0 9z"/></marker>
<marker id="tip-forward" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="14" markerHeight="14" \
markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 10 5 0 9z"/></marker>
<marker id="tip-backward" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="14" markerHeight="14" \
markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 1 10 5 0 9z"/></marker>
</defs></svg>
"""
"""The heads of the arrows of all pictures of a page."""


def draw_picture(report: Report, direction: str) -> str:
    """Return the graph as an element svg. Its nodes can be reached with the keyboard."""
    return _draw(diagram_of_report(report), direction, "node")


def draw_parts(diagram: Diagram, direction: str) -> str:
    """Return a picture of arrays or steps as an element svg."""
    return _draw(diagram, direction, "part")


def _draw(diagram: Diagram, direction: str, kind: str) -> str:
    """Return a diagram as an element svg. kind: "node" or "part", as boxes are called in the page."""
    also = _PART * (kind == "part")
    sizes = [_size(box) for box in diagram.boxes]
    ends = [(arrow.source, arrow.target) for arrow in diagram.arrows]
    layout = place(sizes, ends, direction=direction, room=_ROOM, apart=_APART[direction])
    right, up = (28, -4) if direction == "TB" else (-2, 5)
    arrows = "\n".join(
        f'<g class="arrow{also}" data-source="{arrow.source}" data-target="{arrow.target}" '
        f'data-argnum="{arrow.argnum}">'
        f'<path d="{layout.path(route)}"/>'
        f'<text class="slope" x="{route.label[0] + right:g}" y="{route.label[1] - up:g}"></text></g>'
        for arrow, route in zip(diagram.arrows, layout.routes, strict=True)
    )
    dots = "\n".join(f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="4"/>' for x, y in layout.dots)
    nodes = "\n".join(
        _draw_box(i, box, at, size, kind)
        for i, (box, at, size) in enumerate(zip(diagram.boxes, layout.positions, sizes, strict=True))
    )
    return (
        f'<svg width="{layout.width:g}" height="{layout.height:g}" '
        f'viewBox="0 0 {layout.width:g} {layout.height:g}" role="group" aria-label="The graph">\n'
        f"{dots}\n{arrows}\n{nodes}\n</svg>"
    )


def _title(box: Box) -> str:
    title = pretty(box.title)
    return title if len(title) <= _MOST_CHARACTERS else f"{title[: _MOST_CHARACTERS - 1]}…"


def _size(box: Box) -> tuple[float, float]:
    least = _WIDTH_OF_ARRAY if box.shape else _WIDTH
    return max(least, len(_title(box)) * _CHARACTER + 20), _HEIGHT


def _draw_box(i: int, box: Box, at: tuple[float, float], size: tuple[float, float], kind: str) -> str:
    width, height = size
    left, right = 10, width - 10
    value, gradient = 25 + _LINE - 3, 25 + 2 * _LINE - 2
    return (
        f'<g class="node{_PART * (kind == "part")} {box.role}" data-{kind}="{i}" role="button" '
        f'tabindex="{0 if kind == "part" else -1}" '
        f'transform="translate({at[0]:g},{at[1]:g})">'
        f'<rect class="frame" width="{width:g}" height="{height:g}" rx="7"/>'
        f'<path class="head" d="M1.5 25V8a6.5 6.5 0 0 1 6.5-6.5H{width - 8:g}a6.5 6.5 0 0 1 6.5 6.5V25z"/>'
        f'<text class="title" x="{width / 2:g}" y="18">{escape(_title(box))}</text>'
        f'<text class="label" x="{left}" y="{value}">value</text>'
        f'<text class="value" x="{right:g}" y="{value}">·</text>'
        f'<text class="label" x="{left}" y="{gradient}">gradient</text>'
        f'<text class="gradient" x="{right:g}" y="{gradient}">·</text></g>'
    )
