"""A diagram as an SVG picture that stands alone: light and dark, and in words for screen readers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape
from zlib import crc32

from backprop_cli.draw.fonts import shorten, text_width
from backprop_cli.draw.layout import place
from backprop_cli.draw.motion import motion_sheet
from backprop_cli.notation.pretty import pretty, with_minus
from backprop_cli.text import in_xml

if TYPE_CHECKING:
    from backprop_cli.draw.diagram import Arrow, Box, Diagram
    from backprop_cli.draw.layout import Layout, Route

_FONT = "DejaVu Sans, Verdana, Segoe UI, sans-serif"
_TITLE, _NUMBER, _SLOPE = 13.0, 12.0, 11.0
_PAD, _HEAD, _BODY = 12.0, 28.0, 24.0
_LEGEND = 22.0
_MOST_WIDTH, _MOST_ARRAY, _MOST_LABEL = 300.0, 480.0, 110.0

# Colours stand in the elements for viewers without style sheets; the sheet has them again for dark pages.
_LIGHT = {
    "input": ("#eef4ff", "#3b6fb6"),
    "step": ("#ffffff", "#5f6b7a"),
    "output": ("#fff3e0", "#c26a00"),
}
_INK, _SOFT, _LINE, _GRADIENT = "#1c2733", "#5f6b7a", "#7b8794", "#a3195b"
_DARK = """\
.page { fill: #14181d } .ink { fill: #e8edf2 } .soft { fill: #a9b4c0 } .gradient { fill: #ff8fc0 }
.line { stroke: #8c98a5 } .tip, .dot { fill: #8c98a5 }
.input { fill: #17263c; stroke: #7fb0f5 } .step { fill: #1d232b; stroke: #8c98a5 }
.output { fill: #33230c; stroke: #ffb454 }"""
_SHEETS = {
    "light": "",
    "dark": _DARK,
    "auto": f"@media (prefers-color-scheme: dark) {{\n{_DARK}\n}}",
}


# Each class of a style sheet above, whose names are followed by a blank or a comma.
_CLASS = r"\.(?=[a-z]+[ ,])"


def render_svg(diagram: Diagram, *, direction: str = "LR", theme: str = "light", plays: bool = False) -> str:
    """Return a diagram as SVG. direction: "LR" from left to right, "TB" from top to bottom.

    plays: whether values and gradients appear one after the other, which those of a diagram with numbers can.
    theme: "light" as for a slide or a print, "dark", or "auto" as the viewer's pages are.
    """
    labels = [with_minus(arrow.factor()) for arrow in diagram.arrows]
    widest = min(max((text_width(label, _SLOPE) for label in labels), default=0.0), _MOST_LABEL)
    is_across = direction == "TB"
    apart = widest + 12 if is_across else 18.0
    sizes = [
        _size(box, len(operands) * apart + 8, is_across=is_across)
        for box, operands in zip(diagram.boxes, diagram.operands, strict=True)
    ]
    layout = place(
        sizes,
        [(arrow.source, arrow.target) for arrow in diagram.arrows],
        direction=direction,
        room=30.0 if is_across else widest + 18,
        apart=apart,
    )
    title, told = _text(" ".join(diagram.program.split())), _text(describe(diagram))
    # A page may hold several pictures: ids and styles are each one's own.
    kind = f"{direction} {theme}{' plays' * plays}"
    mark = f"backprop-{crc32(f'{title} {told} {kind}'.encode()):x}"
    parts = [
        _arrow(diagram, arrow, label, route, layout, f"{mark}-tip")
        for arrow, label, route in zip(diagram.arrows, labels, layout.routes, strict=True)
    ]
    parts += [f'<circle class="dot" cx="{x:g}" cy="{y:g}" r="3.5" fill="{_LINE}"/>' for x, y in layout.dots]
    parts += [
        _box(box, at, size) for box, at, size in zip(diagram.boxes, layout.positions, sizes, strict=True)
    ]
    sheet = re.sub(_CLASS, f"#{mark} .", _SHEETS[theme])
    sheet += motion_sheet(diagram, mark) if plays else ""
    legend = diagram.legend()
    width, height = layout.width, layout.height + _LEGEND * bool(legend)
    width = max(width, text_width(legend, _SLOPE) + 2 * _PAD if legend else 0.0)
    parts += [_soft(legend, _PAD, height - _PAD, "start")] if legend else []
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{mark}" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-labelledby="{mark}-title {mark}-desc" '
        f'font-family="{_FONT}">\n'
        f'<title id="{mark}-title">{title}</title>\n'
        f'<desc id="{mark}-desc">{told}</desc>\n'
        f"<style>{sheet}</style>\n"
        f'<defs><marker id="{mark}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path class="tip" fill="{_LINE}" d="M0 0.5 8 4 0 7.5z"/>'
        "</marker></defs>\n"
        f'<rect class="page" width="{width:g}" height="{height:g}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def describe(diagram: Diagram) -> str:
    """Return a diagram in words: every node with its numbers."""
    sentences = []
    for box in diagram.boxes:
        numbers = f": value {box.value}, gradient {box.gradient}" if diagram.has_numbers else ""
        kink = {"": "", "edge": ", at the edge of its domain"}.get(box.kink, ", at a kink")
        sentences.append(f"{box.role} {box.title}{numbers}{kink}.")
    return " ".join(sentences)


def _size(box: Box, arrows: float, *, is_across: bool) -> tuple[float, float]:
    """Return the size of a box: room for its texts, and for the ends of all arrows side by side."""
    title = text_width(pretty(box.title), _TITLE, bold=True)
    value, gradient = (text_width(text, _NUMBER) for text in (with_minus(box.value), _gradient(box)))
    numbers = 0.0 if not box.value else max(value, gradient) if box.shape else value + gradient + 24
    width = min(max(title, numbers, 44.0), _MOST_ARRAY if box.shape else _MOST_WIDTH) + 2 * _PAD
    height = _HEAD + _BODY * _rows(box)
    return (max(width, arrows), height) if is_across else (width, max(height, arrows))


def _rows(box: Box) -> int:
    """Return how many lines of numbers a box has: those of an array are one below the other."""
    return (2 if box.shape else 1) if box.value else 0


def _gradient(box: Box) -> str:
    return f"grad {with_minus(box.gradient)}"


def _box(box: Box, at: tuple[float, float], size: tuple[float, float]) -> str:
    (x, y), (width, height) = at, size
    fill, stroke = _LIGHT[box.role]
    title = pretty(box.title)
    room = width - 2 * _PAD + 0.5
    shown = shorten(title, _TITLE, room, bold=True)
    middle = x + width / 2
    base = y + height / 2 - _BODY * _rows(box) / 2 + 5
    # Roles differ in shape as well as in colour: an input is round, an output has a double frame.
    corner = 13 if box.role == "input" else 5
    paint = f'fill="{fill}" stroke="{stroke}" stroke-width="1.5"'
    frame = f'width="{width:g}" height="{height:g}" rx="{corner}"'
    parts = [
        f'<g class="node" data-id="{_attribute(box.id)}">',
        f"<title>{_text(box.title)}</title>" if shown != title else "",
        f'<rect class="{box.role}" x="{x:g}" y="{y:g}" {frame} {paint}/>',
    ]
    if box.role == "output":
        inner = f'x="{x + 3:g}" y="{y + 3:g}" width="{width - 6:g}" height="{height - 6:g}" rx="3"'
        parts.append(f'<rect class="output" {inner} fill="none" stroke="{stroke}"/>')
    parts.append(
        f'<text class="ink" x="{middle:g}" y="{base:g}" font-size="{_TITLE:g}" font-weight="bold" '
        f'text-anchor="middle" fill="{_INK}">{_text(shown)}</text>'
    )
    if box.value:
        value, gradient = (shorten(text, _NUMBER, room) for text in (with_minus(box.value), _gradient(box)))
        parts.append(
            f'<text class="ink" x="{x + _PAD:g}" y="{base + _BODY - 3:g}" font-size="{_NUMBER:g}" '
            f'fill="{_INK}">{_text(value)}</text>'
            f'<text class="gradient" x="{x + width - _PAD:g}" y="{base + _BODY * _rows(box) - 3:g}" '
            f'font-size="{_NUMBER:g}" text-anchor="end" fill="{_GRADIENT}">{_text(gradient)}</text>'
        )
    if box.kink:
        parts.append(
            f'<text class="soft" x="{x + width - 4:g}" y="{y - 4:g}" font-size="10" text-anchor="end" '
            f'fill="{_SOFT}">{box.kink}</text>'
        )
    return "".join(parts) + "</g>"


def _arrow(diagram: Diagram, arrow: Arrow, label: str, route: Route, layout: Layout, tip: str) -> str:
    source, target = diagram.boxes[arrow.source].id, diagram.boxes[arrow.target].id
    shown = shorten(label, _SLOPE, _MOST_LABEL)
    x, y = route.label
    if layout.direction == "LR":
        anchor, x, y = "middle", x - 3, y - 4
    else:
        anchor, x, y = "start", x + 4, y + 2
    hint = f"<title>{_text(label)}</title>" if shown != label else ""
    return (
        f'<g class="arrow" data-source="{_attribute(source)}" data-target="{_attribute(target)}" '
        f'data-argnum="{arrow.argnum}">{hint}'
        f'<path class="line" d="{layout.path(route)}" fill="none" stroke="{_LINE}" stroke-width="1.4" '
        f'marker-end="url(#{tip})"/>'
        f"{_soft(shown, x, y, anchor, 'gradient', _GRADIENT)}</g>"
    )


def _soft(text: str, x: float, y: float, anchor: str, role: str = "soft", colour: str = _SOFT) -> str:
    """Return a small text: of an arrow in the colour of gradients, or what the signs say."""
    return (
        f'<text class="{role}" x="{x:g}" y="{y:g}" font-size="{_SLOPE:g}" text-anchor="{anchor}" '
        f'fill="{colour}">{_text(text)}</text>'
    )


def _text(text: str) -> str:
    return escape(in_xml(text))


def _attribute(text: str) -> str:
    return escape(in_xml(text), {'"': "&quot;"})
