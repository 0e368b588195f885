"""Difference quotients in words and formulas, and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import maybe_number, number
from backprop_cli.notation.pretty import pretty
from backprop_cli.render.pens import Line
from backprop_cli.text import number_text, side_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.limits import Limit, Quotient


def limit_lines(limits: Sequence[Limit], pen: TextPen) -> Iterator[Line]:
    """Yield the difference quotients of a node by each operand, beside the derivative."""
    for limit in limits:
        yield from _limit(limit, pen)


def _limit(limit: Limit, pen: TextPen) -> Iterator[Line]:
    x, h = limit.operand, limit.letter
    expr, at = pretty(limit.expr, unicode=pen.unicode), number_text(limit.at, pen.digits)
    what = limit.node if limit.expr == limit.node else f"{limit.node} = {expr}"
    yield Line("heading", f"{what} near {x} = {at}")
    if limit.note:
        yield Line("words", limit.note)
    else:
        formula = [pen.expression(limit.formula)] if limit.formula else []
        sides = [pen.local(limit.node, x, limit.held), *formula, pen.number(limit.slope)]
        yield Line("equation", " = ".join(dict.fromkeys(sides)))
    yield from _algebra(limit, pen)
    width = max(len(number_text(quotient.h)) for quotient in limit.quotients)
    for quotient in limit.quotients:
        if limit.has_sides and abs(quotient.h) == limit.quotients[0].h:
            side, slope = ("right", limit.right) if quotient.h > 0 else ("left", limit.left)
            away = "; these quotients do not go to it: the value may jump" if limit.grows(quotient.h) else ""
            yield Line("words", f"on the {side} the slope is {side_text(slope, pen.digits)}{away}")
        yield Line("words", _row(quotient, x, h, width))


def _algebra(limit: Limit, pen: TextPen) -> Iterator[Line]:
    if not limit.algebra:
        return
    *sides, slope = limit.algebra
    yield Line("equation", " = ".join(pen.expression(side) for side in sides))
    told = pretty(slope, unicode=pen.unicode)
    always = f"which is {told} for every {limit.letter} other than 0"
    yield Line("words", always if sides[-1] == slope else f"which goes to {told} as {limit.letter} goes to 0")


def _row(quotient: Quotient, x: str, h: str, width: int) -> str:
    step = number_text(quotient.h)
    if quotient.value is None:
        return f"{h} = {step}: no value there"
    value = "not known" if math.isnan(quotient.value) else number_text(quotient.value, 10)
    error = math.nan if quotient.error is None or math.isnan(quotient.value) else quotient.error
    off = "" if math.isnan(error) else f" off by {number_text(error, 2)}"
    return f"{h} = {step:{width}} (f({x} + {h}) - f({x}))/{h} = {value:14}{off}".rstrip()


def limits_json(limits: Sequence[Limit]) -> list[dict[str, Any]]:
    """Return limits as JSON has them."""
    return [
        {
            "node": limit.node,
            "operand": limit.operand,
            "at": number(limit.at),
            "formula": limit.formula,
            "slope": number(limit.slope),
            **(_sides(limit) if limit.has_sides else {}),
            "letter": limit.letter,
            "algebra": list(limit.algebra),
            "quotients": [_quotient(q) for q in limit.quotients],
        }
        for limit in limits
    ]


def _sides(limit: Limit) -> dict[str, Any]:
    return {"left": maybe_number(limit.left), "right": maybe_number(limit.right)}


def _quotient(quotient: Quotient) -> dict[str, Any]:
    return {"h": quotient.h, "value": maybe_number(quotient.value), "error": maybe_number(quotient.error)}
