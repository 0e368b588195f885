"""The graph in the page: boxes with room for the longest number, whose texts the page fills in."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.diagram import diagram_of_report
from backprop_cli.render.pretty import pretty

if TYPE_CHECKING:
    from backprop_cli.diagram import Box
    from backprop_cli.report import Report

_LINE = 19
_WIDTH = 172.0  # "gradient" and 12 characters of a number
_HEIGHT = 25.0 + 2 * _LINE + 7
_CHARACTER = 7.8
_MOST_CHARACTERS = 34
_MARGIN = 20.0

_TIPS = """<defs>
<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="10" markerHeight="10" \
markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 10 5 0 9z"/></marker>
<marker id="tip-forward" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="14" markerHeight="14" \
markerUnits="userSpaceOnUse" orient="auto"><path d="M0 1 10 5 0 9z"/></marker>
<marker id="tip-backward" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="14" markerHeight="14" \
markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 1 10 5 0 9z"/></marker>
</defs>"""


def draw_picture(report: Report, direction: str) -> str:
    """Return the graph as an element svg. Its nodes can be reached with the keyboard."""
    diagram = diagram_of_report(report)
    sizes = [_size(box) for box in diagram.boxes]
    layout = _place(sizes, [(a.source, a.target) for a in diagram.arrows], direction=direction)
    arrows = "\n".join(
        f'<g class="arrow" data-source="{arrow.source}" data-target="{arrow.target}" '
        f'data-argnum="{arrow.argnum}">'
        f'<path d="{route.path}"/>'
        f'<text class="slope" x="{route.label[0]:g}" y="{route.label[1]:g}"></text></g>'
        for arrow, route in zip(diagram.arrows, layout.routes, strict=True)
    )
    nodes = "\n".join(
        _draw_box(i, box, at, size)
        for i, (box, at, size) in enumerate(zip(diagram.boxes, layout.positions, sizes, strict=True))
    )
    return (
        f'<svg width="{layout.width:g}" height="{layout.height:g}" '
        f'viewBox="0 0 {layout.width:g} {layout.height:g}" role="group" aria-label="The graph">\n'
        f"{_TIPS}\n{arrows}\n{nodes}\n</svg>"
    )


def _title(box: Box) -> str:
    title = pretty(box.title)
    return title if len(title) <= _MOST_CHARACTERS else f"{title[: _MOST_CHARACTERS - 1]}…"


def _size(box: Box) -> tuple[float, float]:
    return max(_WIDTH, len(_title(box)) * _CHARACTER + 20), _HEIGHT


def _draw_box(i: int, box: Box, at: tuple[float, float], size: tuple[float, float]) -> str:
    width, height = size
    left, right = 10, width - 10
    value, gradient = 25 + _LINE - 3, 25 + 2 * _LINE - 2
    return (
        f'<g class="node {box.role}" data-node="{i}" role="button" tabindex="-1" '
        f'transform="translate({at[0]:g},{at[1]:g})">'
        f'<rect class="frame" width="{width:g}" height="{height:g}" rx="7"/>'
        f'<path class="head" d="M1.5 25V8a6.5 6.5 0 0 1 6.5-6.5H{width - 8:g}a6.5 6.5 0 0 1 6.5 6.5V25z"/>'
        f'<text class="title" x="{width / 2:g}" y="18">{escape(_title(box))}</text>'
        f'<text class="label" x="{left}" y="{value}">value</text>'
        f'<text class="value" x="{right:g}" y="{value}">·</text>'
        f'<text class="label" x="{left}" y="{gradient}">gradient</text>'
        f'<text class="gradient" x="{right:g}" y="{gradient}">·</text></g>'
    )


class _Route(NamedTuple):
    path: str
    label: tuple[float, float]


class _Layout(NamedTuple):
    positions: list[tuple[float, float]]
    routes: list[_Route]
    width: float
    height: float


def _place(sizes: list[tuple[float, float]], arrows: list[tuple[int, int]], *, direction: str) -> _Layout:
    """Return a place for every box: a column per longest path, sources next to their first use."""
    count = len(sizes)
    layer = [0] * count
    first_use = [count] * count
    has_operands = [False] * count
    for source, target in arrows:
        layer[target] = max(layer[target], layer[source] + 1)
        has_operands[target] = True
    for source, target in arrows:
        first_use[source] = min(first_use[source], layer[target])
    for i in range(count):
        if not has_operands[i] and first_use[i] < count:
            layer[i] = first_use[i] - 1
    across = direction == "TB"
    pitch = max((size[1 if across else 0] for size in sizes), default=0) + (70 if across else 100)
    taken = [_MARGIN] * (max(layer) + 1)
    positions = []
    for i, size in enumerate(sizes):
        along, beside = _MARGIN + layer[i] * pitch, taken[layer[i]]
        positions.append((beside, along) if across else (along, beside))
        taken[layer[i]] += size[0 if across else 1] + 26
    routes = []
    for source, target in arrows:
        (x1, y1), (x2, y2) = positions[source], positions[target]
        if across:
            x1, y1, x2 = x1 + sizes[source][0] / 2, y1 + sizes[source][1], x2 + sizes[target][0] / 2
            path = f"M{x1:g} {y1:g}C{x1:g} {y1 + 40:g} {x2:g} {y2 - 40:g} {x2:g} {y2:g}"
        else:
            x1, y1, y2 = x1 + sizes[source][0], y1 + sizes[source][1] / 2, y2 + sizes[target][1] / 2
            path = f"M{x1:g} {y1:g}C{x1 + 40:g} {y1:g} {x2 - 40:g} {y2:g} {x2:g} {y2:g}"
        routes.append(_Route(path, (0.35 * x1 + 0.65 * x2, 0.35 * y1 + 0.65 * y2 - 6)))
    length, breadth = _MARGIN + pitch * len(taken), max(taken)
    return _Layout(positions, routes, *((breadth, length) if across else (length, breadth)))
