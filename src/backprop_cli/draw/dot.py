"""A diagram in DOT, the language of Graphviz."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.notation.pretty import pretty

if TYPE_CHECKING:
    from backprop_cli.draw.diagram import Box, Diagram

_COLOURS = {"input": ("#e8f1fb", "#2a6db0"), "step": ("#ffffff", "#555555"), "output": ("#fdf0e0", "#c46a00")}


def render_dot(diagram: Diagram, *, direction: str = "LR", unicode: bool = True) -> str:
    """Return the diagram as a digraph of records: the expression above, below it the value and the gradient.

    direction: LR or TB.
    """
    lines = [
        "digraph backprop {",
        f"  rankdir={direction};",
        '  node [shape=Mrecord, style=filled, fontname="Helvetica"];',
        '  edge [fontname="Helvetica", fontsize=11];',
    ]
    for i, box in enumerate(diagram.boxes):
        label = _label(box, diagram, unicode=unicode)
        if direction == "TB":
            label = f"{{{label}}}"  # which turns the fields of a record as the graph is turned
        fill, edge = _COLOURS[box.role]
        lines.append(f'  n{i} [label="{label}", fillcolor="{fill}", color="{edge}"];')
    for arrow in diagram.arrows:
        partial = _quoted(arrow.factor(unicode=unicode), unicode=unicode)
        lines.append(f'  n{arrow.source} -> n{arrow.target} [label="{partial}"];')
    legend = _quoted(diagram.legend(unicode=unicode), unicode=unicode)
    lines.append(f'  label="{legend}"; labelloc=b; fontname="Helvetica"; fontsize=10;')
    return "\n".join([*lines, "}"]) + "\n"


def _label(box: Box, diagram: Diagram, *, unicode: bool) -> str:
    title = pretty(box.title, unicode=unicode) + (f" ({box.kink})" if box.kink else "")
    if not diagram.has_numbers:
        return _field(title, unicode=unicode)
    fields = (title, box.value, f"grad {box.gradient}")
    return "{}|{{{}|{}}}".format(*(_field(field, unicode=unicode) for field in fields))


def _field(text: str, *, unicode: bool) -> str:
    """Return a text for a field of a record, where braces, bars, angles and blanks have a meaning."""
    return re.sub(r"([{}|<> ])", r"\\\1", _quoted(text, unicode=unicode))


def _quoted(text: str, *, unicode: bool) -> str:
    text = text.replace("\\", r"\\").replace("&", "&amp;").replace('"', "&quot;")
    return text if unicode else "".join(c if c.isascii() else f"&#{ord(c)};" for c in text)
