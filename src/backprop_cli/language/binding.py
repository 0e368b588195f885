"""How tightly expressions hold together: one scale, for reading programs and for writing in any notation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.language.arrays.ops import ArrayCall
    from backprop_cli.operations.op import Op

NOTHING, RELATION, SUM, PRODUCT, SIGN, POWER, ATOM = range(7)
"""From what is open on a side, such as a parenthesis that is still open, to names, numbers and calls."""


class Piece(NamedTuple):
    """A part of a formula as text, and how tightly its outermost operation binds."""

    text: str
    binding: int


class Rule(NamedTuple):
    """How tightly an operation binds, and how tightly each of its operands must for the grouping to stay."""

    binding: int
    needs: tuple[int, ...]


_COMPARISON = Rule(RELATION, (SUM, SUM))
_RULES = {
    "add": Rule(SUM, (SUM, PRODUCT)),
    "sub": Rule(SUM, (SUM, PRODUCT)),
    "mul": Rule(PRODUCT, (PRODUCT, SIGN)),
    "matmul": Rule(PRODUCT, (PRODUCT, SIGN)),
    "div": Rule(PRODUCT, (PRODUCT, SIGN)),
    "neg": Rule(SIGN, (SIGN,)),
    "pow": Rule(POWER, (ATOM, SIGN)),
}


def rule_of(op: Op | ArrayCall) -> Rule:
    """Return the rule of an operation that is written between its operands."""
    return _RULES.get(op.name, _COMPARISON)


def written(op: Op, operands: Sequence[Piece]) -> Piece:
    """Return an operation as it stands in a program, its operands in parentheses where they need them."""
    if not op.infix:
        return Piece(op.write([operand.text for operand in operands]), ATOM)
    rule = rule_of(op)
    return Piece(op.write([*map(held, operands, rule.needs)]), rule.binding)


def held(operand: Piece, need: int) -> str:
    """Return the text of an operand, in parentheses if it binds less tightly than needed."""
    return operand.text if operand.binding >= need else f"({operand.text})"


def is_sum(text: str) -> bool:
    """Tell whether a text in the language, whose names the reader may not know, is a sum."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth and text[i : i + 3] in (" + ", " - "):
            return True
    return False
