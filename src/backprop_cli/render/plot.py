"""Curves as JSON, schema backprop/plot@1, and their breaks in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import dump
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.curves.report import Break, Curve, Sample

_MOST_BREAKS = 8


def render_json(curves: Sequence[Curve]) -> str:
    """Return curves as one line of JSON."""
    return dump({"schema": "backprop/plot@1", "curves": [_curve(curve) for curve in curves]})


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "program": curve.program,
        **({"read_as": curve.read_as} if curve.read_as else {}),
        "output": curve.output,
        "name": curve.name,
        "range": [curve.low, curve.high],
        "fixed": curve.fixed,
        "samples": [_sample(sample) for sample in curve.samples],
        "breaks": [_break(found) for found in curve.breaks],
        "whole": curve.is_whole,
        **({} if curve.tangent is None else {"tangent": _sample(curve.tangent)}),
    }


def _break(found: Break) -> dict[str, Any]:
    return {
        "left": _sample(found.left),
        "right": _sample(found.right),
        "continuous": found.is_continuous,
        **({} if found.hole is None else {"hole": found.hole}),
    }


def _sample(sample: Sample) -> dict[str, float | None]:
    return {"x": sample.x, "value": sample.value, "slope": sample.slope}


def remarks(curve: Curve) -> Iterator[str]:
    """Yield what is to be told of a curve: where it breaks, and its slope where a tangent is asked for."""
    name, at = curve.name, curve.tangent
    if at is not None:
        yield f"at {name} = {number_text(at.x)}: value {_number(at.value)}, slope {_number(at.slope)}"
    for found in curve.breaks[:_MOST_BREAKS]:
        yield (
            f"near {name} = {place(found)}: {_told(found)}"
            if found.hole is None
            else f"there is no value at {name} = {number_text(found.hole, None)}"
        )
    more = len(curve.breaks) - _MOST_BREAKS
    if more > 0:
        yield f"and {more:,} more such place{'s' * (more > 1)}, which --json has"
    if not any(sample.value is not None for sample in curve.samples):
        where = f"from {name} = {number_text(curve.low)} to {number_text(curve.high)}"
        yield f"no value at any of {len(curve.samples):,} points {where}"
    if not curve.is_whole:
        yield "it breaks or bends at more places than were looked into: a narrower range shows more"


def place(found: Break) -> str:
    """Return the shortest number in the stretch of a break."""
    left, right = found.left.x, found.right.x
    if left <= 0 <= right:
        return "0"
    middle = left + (right - left) / 2
    return next(
        number_text(middle, digits)
        for digits in (*range(1, 18), None)
        if digits is None or left <= float(f"{middle:.{digits}g}") <= right
    )


def _told(found: Break) -> str:
    """Return from what to what a curve goes, the slope only where the value goes on."""
    left, right = found.left, found.right
    if found.is_continuous or (left.value is not None and left.value == right.value):
        return f"the slope goes {_from_to(left.slope, right.slope)}"
    values = f"the value goes {_from_to(left.value, right.value)}"
    if left.value is None or right.value is None or _number(left.slope) == _number(right.slope):
        return values
    return f"{values}, the slope {_from_to(left.slope, right.slope)}"


def _from_to(left: float | None, right: float | None) -> str:
    """Return two numbers with as many digits as tell them apart."""
    texts = ((_number(left, digits), _number(right, digits)) for digits in (4, 8, 12, None))
    first, last = next((pair for pair in texts if pair[0] != pair[1] or left == right), ("", ""))
    return f"from {first} to {last}"


def _number(x: float | None, digits: int | None = 4) -> str:
    return "none" if x is None else number_text(x, digits)
