"""Statements as a program in the plain language, which reads as the same code."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from backprop_cli.language.arrays.ops import ArrayCall
from backprop_cli.language.binding import ATOM, rule_of
from backprop_cli.language.code import steps
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backprop_cli.language.code import Code, Statement, Step
    from backprop_cli.operations.op import Op

_OPERAND = "\0"  # stands in for operands; no text has it


def write_program(statements: Iterable[Statement]) -> str:
    """Return the program that the plain language reads as these statements, names and order included."""
    return "; ".join(
        f"{statement.name} = {write_code(statement.code)}" if statement.name else write_code(statement.code)
        for statement in statements
    )


def write_code(code: Code) -> str:
    """Return a code as text, with the parentheses that it needs. Linear in the code, of any depth."""
    # From the end: the last step is the outermost. A piece is a step that waits for its turn, or text.
    entries = list(steps(code))
    firsts = _firsts_of_operands(entries)
    texts: list[str] = []
    waiting: list[str | tuple[int, int]] = [(len(entries) - 1, 0)]
    while waiting:
        piece = waiting.pop()
        if isinstance(piece, str):
            texts.append(piece)
            continue
        place, need = piece
        what, arity, _, _ = entries[place]
        if not arity:
            texts.append(what if isinstance(what, str) else number_text(what, None))  # type: ignore[arg-type]
            continue
        between, binding, needs = _shape(what, arity)
        parts: list[str | tuple[int, int]] = [between[0]]
        for operand, inner, sign in zip(firsts[place], needs, between[1:], strict=True):
            parts += ((operand, inner), sign)
        if binding < need:
            parts = ["(", *parts, ")"]
        waiting += reversed(parts)
    return "".join(texts)


def _firsts_of_operands(entries: Sequence[Step]) -> list[tuple[int, ...]]:
    """Return for every step the places of its operands, which are the last results before it."""
    found: list[tuple[int, ...]] = []
    results: list[int] = []
    for place, (_, arity, _, _) in enumerate(entries):
        found.append(tuple(results[len(results) - arity :]) if arity else ())
        del results[len(results) - arity :]
        results.append(place)
    return found


@lru_cache(256)
def _shape(op: Op | ArrayCall, arity: int) -> tuple[list[str], int, tuple[int, ...]]:
    """Return the texts around the operands, how tightly the whole binds, and how tightly operands must."""
    between = op.write([_OPERAND] * arity).split(_OPERAND)
    if not op.infix:
        is_behind = isinstance(op, ArrayCall) and op.postfix
        return between, ATOM, (ATOM if is_behind else 0,) * arity
    rule = rule_of(op)
    return between, rule.binding, rule.needs
