"""Relative derivatives as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.calculus.report import Elasticity
    from backprop_cli.console.sheets import Role


def elasticity_block(found: Mapping[str, Elasticity], digits: int | None) -> Block:
    """Return the elasticity of the value by each input, and the condition of each gradient."""
    cells = [
        (name, *("none" if x is None else number_text(x, digits) for x in (of.value, of.condition)))
        for name, of in found.items()
    ]
    rows = [Row(tuple((cell,) for cell in row), "input") for row in cells]
    sheet = Sheet(("input", "elasticity", "condition of the gradient"), (1, 2), rows)
    lines: list[tuple[str, Role]] = [
        (f"{name}  elasticity {value}  condition of the gradient {condition}", "input")
        for name, value, condition in cells
    ]
    return Block((lambda: sheet,), lambda: lines)
