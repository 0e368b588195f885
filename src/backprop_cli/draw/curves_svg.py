"""Curves as an SVG picture that stands alone. It has no ids, so that a page may hold several."""

from __future__ import annotations

import math
import re
from itertools import accumulate
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from backprop_cli.curves.contours import ticks
from backprop_cli.draw.curves import tick_text
from backprop_cli.draw.fonts import shorten, text_width
from backprop_cli.notation.pretty import with_minus
from backprop_cli.text import in_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.draw.curves import Plane, Points, Trace

_FONT = "DejaVu Sans, Verdana, Segoe UI, sans-serif"
_WIDTH, _HEIGHT, _LEFT, _TOP, _BELOW, _RIGHT, _LINE = 640.0, 360.0, 64.0, 16.0, 28.0, 16.0, 18.0
_SIZE = 12.0
# Far enough outside that what is seen of a line keeps its slope.
_FAR = 1e5
# 3 : 1 at least on white and on black (WCAG 2.2): one for each curve.
_COLOURS = ("#3b6fb6", "#c26a00", "#2a8a57", "#b8448f", "#8a6d1f", "#7a6fd0")
_DASHES = {"value": "", "slope": ' stroke-dasharray="7 4"', "tangent": ' stroke-dasharray="2 3"'}
_LIGHT, _DARK = ("#ffffff", "#1c2733", "#5f6b7a", "#dfe4ea"), ("#14181d", "#e8edf2", "#a9b4c0", "#333c46")
_SHEET = re.compile(r'width="([0-9.]+)" height="([0-9.]+)"')
_CLASSES = ("page", "ink", "soft", "grid")


def render_curves(plane: Plane, name: str, *, theme: str = "light", title: str = "") -> str:
    """Return curves as SVG. name: of the input.  theme: "light", "dark" or "auto".

    title: in words; where it is left out, the labels of the curves.
    """
    legend = _legend(plane)
    more = _more_room(plane)
    width, height = _WIDTH + more, _HEIGHT + _LINE * len(plane.traces)
    colours = dict(zip(_CLASSES, _DARK if theme == "dark" else _LIGHT, strict=True))
    inner = f'x="{_LEFT:g}" y="{_TOP:g}" width="{_across():g}" height="{_down():g}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="{-more:g} 0 {width:g} {height:g}" role="img" class="backprop-plot" font-family="{_FONT}" '
        f'font-size="{_SIZE:g}">'
    )
    parts = [
        head,
        f"<title>{_text(title or ', '.join(trace.label for trace in plane.traces))}</title>",
        _sheet(theme),
        f'<rect class="page" x="{-more:g}" width="{width:g}" height="{height:g}" fill="{colours["page"]}"/>',
        *_grid(plane, name, colours),
        f'<svg {inner} viewBox="{_LEFT:g} {_TOP:g} {_across():g} {_down():g}" overflow="hidden">',
        *(part for trace in _by_layer(plane) for part in _draw(plane, trace)),
        "</svg>",
        *(part.format(ink=colours["ink"]) for part in legend),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def stack(pictures: list[str]) -> str:
    """Return pictures below each other as one."""
    if len(pictures) == 1:
        return pictures[0]
    sizes = [tuple(map(float, found.groups())) for found in map(_SHEET.search, pictures) if found]
    width, height = max(wide for wide, _ in sizes), sum(high for _, high in sizes)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">\n'
    )
    tops = accumulate((high for _, high in sizes), initial=0.0)
    parts = (
        picture.replace("<svg ", f'<svg y="{y:g}" ', 1) for y, picture in zip(tops, pictures, strict=False)
    )
    return f"{head}{''.join(parts)}</svg>\n"


def _sheet(theme: str) -> str:
    if theme != "auto":
        return ""
    page, ink, soft, grid = _DARK
    rules = (
        f".backprop-plot .page {{ fill: {page} }} .backprop-plot .ink {{ fill: {ink} }} "
        f".backprop-plot .soft {{ fill: {soft} }} .backprop-plot .grid {{ stroke: {grid} }}"
    )
    return f"<style>@media (prefers-color-scheme: dark) {{ {rules} }}</style>"


def _more_room(plane: Plane) -> float:
    """Return how much more room than usual the numbers beside the plane need."""
    across = ticks(plane.low, plane.high, 7)
    widest = max((text_width(with_minus(_number(y, across)), _SIZE) for y in across), default=0.0)
    return math.ceil(max(widest + 8 - _LEFT, 0.0))


def _across() -> float:
    return _WIDTH - _LEFT - _RIGHT


def _down() -> float:
    return _HEIGHT - _TOP - _BELOW


def _place(plane: Plane, x: float, y: float) -> tuple[float, float]:
    right = _LEFT + (x - plane.left) / (plane.right - plane.left) * _across()
    down = _TOP + (plane.high - y) / (plane.high - plane.low) * _down()
    return round(right, 3), round(max(min(down, _FAR), -_FAR), 3)


def _grid(plane: Plane, name: str, colours: dict[str, str]) -> Iterator[str]:
    """Yield the lines behind the curves, each with its number; those at 0 are stronger."""
    bottom, right = _HEIGHT - _BELOW, _WIDTH - _RIGHT
    soft = f'class="soft" fill="{colours["soft"]}"'
    upright = ticks(plane.left, plane.right, 9)
    for x in upright:
        at, _ = _place(plane, x, plane.low)
        yield _rule(at, _TOP, at, bottom, colours, strong=x == 0)
        text = with_minus(
            tick_text(x, upright[-1] - upright[0]) if len(upright) == 1 else _number(x, upright)
        )
        yield f'<text {soft} x="{at:g}" y="{bottom + 16:g}" text-anchor="middle">{_text(text)}</text>'
    across = ticks(plane.low, plane.high, 7)
    for y in across:
        _, at = _place(plane, plane.left, y)
        yield _rule(_LEFT, at, right, at, colours, strong=y == 0)
        text = with_minus(_number(y, across))
        yield f'<text {soft} x="{_LEFT - 6:g}" y="{at + 4:g}" text-anchor="end">{_text(text)}</text>'
    label = shorten(name, _SIZE, 60.0)
    place = f'x="{right:g}" y="{bottom - 6:g}" text-anchor="end" font-style="italic"'
    yield f"<text {soft} {place}>{_text(label)}</text>"
    if plane.up:
        place = f'x="{_LEFT + 6:g}" y="{_TOP + 12:g}" font-style="italic"'
        yield f"<text {soft} {place}>{_text(shorten(plane.up, _SIZE, 60.0))}</text>"


def _number(x: float, found: list[float]) -> str:
    return tick_text(x, found[1] - found[0] if len(found) > 1 else abs(x) / 100 or 1.0)


def _rule(x0: float, y0: float, x1: float, y1: float, colours: dict[str, str], *, strong: bool) -> str:
    width = 1.6 if strong else 0.8
    return (
        f'<line class="grid" x1="{x0:g}" y1="{y0:g}" x2="{x1:g}" y2="{y1:g}" '
        f'stroke="{colours["grid"]}" stroke-width="{width}"/>'
    )


def _draw(plane: Plane, trace: Trace) -> Iterator[str]:
    colour = _COLOURS[trace.number % len(_COLOURS)]
    for line in trace.lines:
        if len(line) == 1:
            x, y = _place(plane, *line[0])
            yield f'<circle cx="{x:g}" cy="{y:g}" r="2.5" fill="{colour}"/>'
        else:
            width = 1.4 if trace.kind == "tangent" else 2
            yield (
                f'<polyline points="{_points(plane, line)}" fill="none" stroke="{colour}" '
                f'stroke-width="{width}" stroke-linejoin="round"{_DASHES[trace.kind]}/>'
            )


def _by_layer(plane: Plane) -> list[Trace]:
    """Return the traces, points last: they are seen upon lines."""
    return sorted(plane.traces, key=lambda trace: trace.kind == "points")


def _points(plane: Plane, line: Points) -> str:
    return " ".join(f"{x:.7g},{y:.7g}" for x, y in (_place(plane, *point) for point in line))


def _legend(plane: Plane) -> list[str]:
    parts = []
    for row, trace in enumerate(plane.traces):
        y = _HEIGHT + _LINE * row + 4
        label = shorten(trace.label, _SIZE, _across() - 40)
        colour = _COLOURS[trace.number % len(_COLOURS)]
        line = (
            f'<line x1="{_LEFT:g}" y1="{y:g}" x2="{_LEFT + 30:g}" y2="{y:g}" stroke="{colour}" '
            f'stroke-width="2"{_DASHES.get(trace.kind, "")}/>'
        )
        dot = f'<circle cx="{_LEFT + 15:g}" cy="{y:g}" r="2.5" fill="{colour}"/>'
        parts.append(
            (dot if trace.kind == "points" else line)
            + f'<text class="ink" x="{_LEFT + 38:g}" y="{y + 4:g}" fill="{{ink}}">'
            + _text(label).replace("{", "{{").replace("}", "}}")
            + "</text>"
        )
    return parts


def _text(text: str) -> str:
    return escape(in_xml(text))
