"""A diagram in Mermaid, which GitHub and many others draw in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.notation.pretty import pretty

if TYPE_CHECKING:
    from backprop_cli.draw.diagram import Diagram


def render_mermaid(diagram: Diagram, *, direction: str = "LR", unicode: bool = True) -> str:
    """Return the diagram as a flowchart. direction: LR or TB."""
    lines = [f"flowchart {direction}"]
    for i, box in enumerate(diagram.boxes):
        texts = [pretty(box.title, unicode=unicode) + (f" ({box.kink})" if box.kink else "")]
        if diagram.has_numbers:
            texts += [f"value {box.value}", f"gradient {box.gradient}"]
        label = "<br/>".join(_escaped(text, unicode=unicode) for text in texts)
        lines.append(f'  n{i}["{label}"]:::{box.role}')
    for arrow in diagram.arrows:
        partial = _escaped(arrow.factor(unicode=unicode), unicode=unicode)
        label = f'-- "{partial}" ' if partial else ""
        lines.append(f"  n{arrow.source} {label}--> n{arrow.target}")
    legend = diagram.legend(unicode=unicode)
    if legend:
        lines += [
            f'  legend["{_escaped(legend, unicode=unicode)}"]:::legend',
            "  classDef legend fill:none,stroke:none",
        ]
    lines += [
        "  classDef input fill:#e8f1fb,stroke:#2a6db0,color:#000000",
        "  classDef step fill:#ffffff,stroke:#555555,color:#000000",
        "  classDef output fill:#fdf0e0,stroke:#c46a00,color:#000000",
    ]
    return "\n".join(lines) + "\n"


def _escaped(text: str, *, unicode: bool) -> str:
    """Return a text for a label. What Mermaid or its Markdown could take for something else is a number."""
    plain = re.sub(r"[^\w .,=()+/-]|_", lambda m: m[0] if ord(m[0]) > 127 else f"#{ord(m[0])};", text)
    return plain if unicode else "".join(c if c.isascii() else f"#{ord(c)};" for c in plain)
