"""Nudges of inputs, in words and formulas, and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import maybe_number, number
from backprop_cli.render.pens import Line, grouped
from backprop_cli.tell.nudges import Way
from backprop_cli.text import listing, number_text, side_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.nudges import Nudge, Nudges

_WAYS = {
    Way.LOWER: "to lower {y}, lower {x}",
    Way.RAISE: "to lower {y}, raise {x}",
    Way.EITHER: "either way lowers {y}",
    Way.LEAST: "either way raises {y}",
    Way.NEITHER: "to first order, no move of {x} lowers {y}",
    Way.UNKNOWN: "the slopes do not tell which way lowers {y}",
}

_NUMBERS = ("left", "right", "value", "moved", "off")


def nudge_lines(found: Nudges, pen: TextPen) -> Iterator[Line]:
    """Yield what each nudge does, and which input matters most."""
    yield Line("heading", f"Each input alone moved by {number_text(found.step, pen.digits)}")
    for nudge in found.nudges:
        yield Line("gap", "")
        yield Line("words", _move(nudge, found, pen))
        yield from _slopes(nudge, pen)
        yield Line("words", _WAYS[nudge.way].format(x=nudge.node, y=found.output))
        yield from _equations(nudge, found, pen)
    yield from _most(found, pen)


def _move(nudge: Nudge, found: Nudges, pen: TextPen) -> str:
    start = f"{nudge.node} {_from_to(nudge.at, nudge.at + found.step, found.step, pen)}"
    if nudge.value is None or nudge.moved is None:
        return f"{start}: {found.output} has no value there"
    if math.isnan(nudge.moved):
        return f"{start}: how far {found.output} moves is not known"
    if not nudge.moved:
        return f"{start}: {found.output} stays {number_text(found.value, pen.digits)}"
    return f"{start}: {found.output} {_from_to(found.value, nudge.value, nudge.moved, pen)}"


def _from_to(before: float, after: float, step: float, pen: TextPen) -> str:
    """Return where a number moves; by how much, where the digits that are shown do not tell."""
    if not (math.isfinite(before) and math.isfinite(after)):
        return f"moves by {number_text(step, pen.digits)}"
    first, last = (number_text(x, pen.digits) for x in (before, after))
    return f"from {first} to {last}" if first != last else f"from {first} by {number_text(step, pen.digits)}"


def _slopes(nudge: Nudge, pen: TextPen) -> Iterator[Line]:
    """Yield the slopes on both sides where they are not one finite number."""
    left, right = side_text(nudge.left, pen.digits), side_text(nudge.right, pen.digits)
    if nudge.is_smooth or "not known" in (left, right):
        return
    if left == right and nudge.left is not None:
        yield Line("words", f"the value may jump there: the slope is {left} on both sides")
    else:
        yield Line("words", f"not smooth there: the slope is {left} on the left, {right} on the right")


def _equations(nudge: Nudge, found: Nudges, pen: TextPen) -> Iterator[Line]:
    """Yield slope times nudge, at a kink by the slope on its side, and how far the output moves."""
    slope, off, change = found.slope_of(nudge), nudge.off, pen.change(found.output)
    estimate = ""
    if slope is not None and math.isfinite(slope) and nudge.way != Way.UNKNOWN:
        estimate = pen.number(slope * found.step)
        sides = [pen.product(grouped(pen.number(x), pen) for x in (slope, found.step)), estimate]
        if nudge.is_smooth:
            sides.insert(0, pen.product([pen.gradient(nudge.node), pen.change(nudge.node)]))
        yield Line("equation", " = ".join(sides))
    if nudge.moved is None or math.isnan(nudge.moved):
        return
    moved = [change, pen.number(nudge.moved)]
    if estimate and slope and off and not math.isnan(off):
        moved.append(f"{estimate} + {grouped(pen.number(off), pen)}")
    yield Line("equation", " = ".join(moved))


def _most(found: Nudges, pen: TextPen) -> Iterator[Line]:
    sizes = [nudge.steepness for nudge in found.nudges]
    if not sizes:
        yield Line("words", "the program has no input")
    if len(sizes) < 2:
        return
    yield Line("gap", "")
    steepest = [nudge for nudge in found.nudges if nudge.name in found.steepest]
    names = listing([nudge.node for nudge in steepest])
    if steepest:
        size = number_text(steepest[0].steepness or 0.0, pen.digits)
        is_one = len(steepest) == 1
        verb, slopes = ("matters", "its slope") if is_one else ("matter", "their slopes")
        end = "is the steepest" if is_one else "are equally steep"
        yield Line("words", f"{names} {verb} most here: {slopes}, {size} in size, {end}")
    elif not any(size is None or size for size in sizes):
        yield Line("words", f"to first order, no input moves {found.output}")


def nudges_json(found: Nudges) -> dict[str, Any]:
    """Return nudges as JSON has them."""
    return {
        "step": number(found.step),
        "value": number(found.value),
        "inputs": [
            {
                "name": nudge.name,
                "at": number(nudge.at),
                **{
                    key: maybe_number(getattr(nudge, key))
                    for key in ("left", "right", "value", "moved", "off")
                },
                "way": nudge.way,
            }
            for nudge in found.nudges
        ],
        "steepest": list(found.steepest),
    }
