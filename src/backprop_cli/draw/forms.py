"""The forms of a drawing, told by the endings of files, and what draws each."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import UsageError

if TYPE_CHECKING:
    from backprop_cli.console.sheets import Line
    from backprop_cli.draw.diagram import Diagram
    from backprop_cli.report import Report, Steps

MOST_NODES = 1000
"""A graph of more nodes is drawn only if it is insisted on."""


class Form(StrEnum):
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


class Theme(StrEnum):
    """Colours of a picture; auto goes by the page that shows an SVG."""

    light = "light"
    dark = "dark"
    auto = "auto"


class Drawing(NamedTuple):
    """What is drawn, and how. report: None for the bare graph, of which there is no page.

    plays: whether an SVG plays by itself.  steps: those that a page opens with.
    """

    diagram: Diagram
    report: Report | None
    form: Form
    style: Style = Style.auto
    direction: Direction = Direction.LR
    theme: Theme = Theme.light
    plays: bool = False
    steps: Steps | None = None


_ENDINGS = {
    ".txt": Form.text,
    ".svg": Form.svg,
    ".png": Form.png,
    ".dot": Form.dot,
    ".gv": Form.dot,
    ".mmd": Form.mermaid,
    ".html": Form.html,
}


def form_of_file(name: str) -> Form:
    """Return the form that the ending of a file tells. Raises UsageError."""
    ending = Path(name).suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    raise UsageError(
        f"the ending of {name} tells no form" if ending else f"{name} has no ending that tells a form",
        hint=f"one of {' '.join(_ENDINGS)}, or --format {'|'.join(Form)}",
    )


def refuse_many(count: int, instead: str) -> None:
    """Raise UsageError for so many nodes that they would be no picture any more."""
    if count > MOST_NODES:
        raise UsageError(
            f"the graph has {count:,} nodes, and a drawing of more than {MOST_NODES:,} can hardly be read",
            hint=f"--force draws it all the same; {instead}",
        )


def boxes_of(drawing: Drawing, *, columns: int | None, unicode: bool) -> list[Line] | None:
    """Return boxes as lines, None where they are not asked for or do not fit. columns: None for any width."""
    from backprop_cli.draw.boxes import draw_boxes

    insists = drawing.style is Style.boxes
    if not insists and (drawing.style is Style.rails or columns is None):
        return None
    return draw_boxes(drawing.diagram, columns=columns, unicode=unicode, however_tall=insists)


def render_drawing(drawing: Drawing, *, unicode: bool) -> bytes:
    """Return a drawing, but one in text, as the content of a file."""
    diagram, direction = drawing.diagram, drawing.direction
    if drawing.form is Form.dot:
        from backprop_cli.draw.dot import render_dot

        return render_dot(diagram, direction=direction, unicode=unicode).encode()
    if drawing.form is Form.mermaid:
        from backprop_cli.draw.mermaid import render_mermaid

        return render_mermaid(diagram, direction=direction, unicode=unicode).encode()
    if drawing.form is Form.html:
        from backprop_cli.draw.page import render_page

        assert drawing.report is not None
        return render_page(drawing.report, direction=direction, steps=drawing.steps).encode()
    from backprop_cli.draw.svg import render_svg

    svg = render_svg(diagram, direction=direction, theme=drawing.theme, plays=drawing.plays)
    if drawing.form is Form.svg:
        return svg.encode()
    from backprop_cli.draw.png import render_png

    return render_png(svg)
