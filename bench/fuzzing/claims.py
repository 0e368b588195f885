"""What a report says of a program, held against what is true.

A report is the JSON of ``backprop grad``, or its error: what users see.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from fuzzing.balls import magnitude, mp
from fuzzing.functions import DOUBLES
from fuzzing.programs import Program, doubles
from fuzzing.truth import Side, Slope, Truth, find_truth, spread

KINDS = {
    "crash": "an exception that is no BackpropError",
    "hang": "no answer within the time limit",
    "language": "a program of the language is refused",
    "value": "the value is not Python's, bit for bit",
    "value digits": "more digits of the value are claimed than are right",
    "many digits": "a value or derivative that is given to many digits is another number",
    "refused": "the value is said not to exist, and Python's float has one",
    "blamed": "an operand is said to be outside the domain, and the true one is inside",
    "no value": "a gradient is confirmed where the value does not exist, or it is said not to, and does",
    "false alarm": "sympy is said to disagree, and the double is right",
    "wrong": "the double is further off than rounding explains",
    "digits": "more digits are claimed than are right",
    "too few digits": "fewer digits are claimed than are right",
    "zero": "zero to within rounding is said of a gradient that is not",
    "underflow": "a gradient that underflowed to 0 counts as right",
    "smooth": "a point is called a kink that is none, and the gradient is another number",
    "kink": "a smooth point is called a kink",
    "missed": "a derivative is confirmed where there is none",
    "sides": "a slope on one side of a kink is another number",
    "undefined": "a finite derivative is called infinite or none",
}
"""Kinds of findings, with what they mean."""

_ULPS = 64 * 2.0**-52


class Finding(NamedTuple):
    """Something that a report says and that is not so."""

    kind: str
    name: str
    told: str
    true: str


def judge(program: Program, record: Mapping[str, Any], truth: Callable[[], Truth]) -> Iterator[Finding]:
    """Yield what is wrong in a report. truth: is only asked where the report claims something."""
    if "error" in record:
        yield from _refusal(program, record["error"], truth)
        return
    yield from _value_in_doubles(program, record)
    true = truth()
    if true.status == "unsure":
        return
    if true.status == "no value":
        for name, found in record["check"]["gradients"].items():
            if found["status"] == "pass":
                yield Finding("no value", name, f"{name} passes", "the value does not exist")
        return
    reason = record["check"].get("reason", "")
    if reason.endswith("the value does not exist"):
        yield Finding("no value", "", reason, f"the value is {_shown(true.value)}")
    yield from _value_in_many_digits(record, true)
    claims = record["check"].get("gradients", {})
    for name, told in record["gradients"].items():
        slope = true.slopes[name]
        if slope.status != "unsure":
            yield from _gradient(program, name, float(told), claims.get(name, {}), slope)


# ---- the value ----


def _refusal(program: Program, error: Mapping[str, Any], truth: Callable[[], Truth]) -> Iterator[Finding]:
    kind, message = error["kind"], error["message"]
    if kind != "domain":
        yield Finding("language", "", message, "is in the language")
    elif doubles(program)[-1] is not None:
        yield Finding("refused", "", message, f"the value is {doubles(program)[-1]!r}")
    elif not any(
        word in message
        for word in ("overflow", "underflow", "rounded to", "cancels to", "indeterminate", "in doubles")
    ):
        true = truth()
        if true.status == "known" and true.is_whole and abs(true.value) < 1e300:
            yield Finding("blamed", "", message, f"the value is {_shown(true.value)}")


def _value_in_doubles(program: Program, record: Mapping[str, Any]) -> Iterator[Finding]:
    if all(node.op in DOUBLES or node.op in ("input", "number") for node in program.nodes):
        value = doubles(program)[-1]
        if value is not None and value != float(record["value"]):
            yield Finding("value", "", f"value {record['value']!r}", repr(value))


def _value_in_many_digits(record: Mapping[str, Any], true: Truth) -> Iterator[Finding]:
    check = record["check"]
    text, count = check.get("value"), check.get("value_digits")
    if text is not None and not _is_told_right(text, true.value):
        yield Finding("many digits", "", f"value {text}", _shown(true.value))
    if count is not None and count > _right_digits(float(record["value"]), true.value):
        yield Finding(
            "value digits", "", f"{count} digits of the value {record['value']!r}", _shown(true.value)
        )


# ---- a gradient ----


def _gradient(
    program: Program, name: str, told: float, claim: Mapping[str, Any], slope: Slope
) -> Iterator[Finding]:
    if claim.get("status") == "fail":
        is_right = slope.status == "smooth" and _is_near(program, name, told, slope.value)
        yield Finding(
            "false alarm" if is_right else "wrong",
            name,
            f"{name} {told!r}: sympy disagrees",
            _described(slope),
        )
    elif slope.status == "smooth":
        yield from _smooth(program, name, told, claim, slope)
    else:
        yield from _rough(name, told, claim, slope)


def _smooth(
    program: Program, name: str, told: float, claim: Mapping[str, Any], slope: Slope
) -> Iterator[Finding]:
    said, true = f"{name} {told!r}", _described(slope)
    if claim.get("reason") == "possible kink":
        return
    if "kink" in claim:
        if not math.isfinite(told) or abs(told - slope.value) > 1e-6 * abs(slope.value):
            yield Finding("smooth", name, f"{said}, at a kink", true)
        else:
            yield Finding("kink", name, f"{said}, at a kink", true)
    elif not math.isfinite(told):
        if abs(slope.value) < 1e308:
            yield Finding("undefined", name, said, true)
    elif claim.get("status") == "pass":
        yield from _confirmed(program, name, told, claim, slope)
    elif not claim.get("reason", "").startswith("kink") and not _is_near(program, name, told, slope.value):
        yield Finding("wrong", name, said, true)
    tolerance = slope.left.tolerance + slope.right.tolerance if slope.left and slope.right else 0
    if claim.get("value") is not None and not _is_told_right(claim["value"], slope.value, tolerance):
        yield Finding("many digits", name, f"derivative by {name} {claim['value']}", true)


def _confirmed(
    program: Program, name: str, told: float, claim: Mapping[str, Any], slope: Slope
) -> Iterator[Finding]:
    said, true = f"{name} {told!r}", _described(slope)
    within, count = claim.get("zero_within"), claim.get("digits")
    if within is not None:
        small = slope.scale is None or within <= 1e-6 * slope.scale or _is_turned(program, name, slope)
        if slope.value and not (small and abs(slope.value) <= within):
            yield Finding("zero", name, f"{said}, zero to within {within:.2g}", true)
    elif count is not None:
        right = _right_digits(told, slope.value)
        if count > right:
            kind = "underflow" if told == 0 else "digits"
            yield Finding(kind, name, f"{said}, {count} digits", true)
        elif count < right and right < 16:
            yield Finding("too few digits", name, f"{said}, {count} digits", f"{true}, {right} digits")


def _rough(name: str, told: float, claim: Mapping[str, Any], slope: Slope) -> Iterator[Finding]:
    said, true = f"{name} {told!r}", _described(slope)
    left, right = slope.left, slope.right
    assert left is not None
    assert right is not None
    if "kink" in claim:
        for word, side in (("left", left), ("right", right)):
            told_side = claim["kink"].get(word)
            if not _side_is(told_side, side):
                yield Finding("sides", name, f"{said}, {word} slope {told_side!r}", true)
    elif claim.get("status") == "pass" and not _is_one_sided(told, left, right):
        yield Finding("missed", name, f"{said}, {claim.get('digits')} digits", true)
    elif math.isinf(told) and not any(s.exists and (s.jumps or s.slope == told) for s in (left, right)):
        yield Finding("undefined", name, said, true)


def _side_is(told: Any, side: Side) -> bool:
    if told is None:
        # A side that is not told is no claim, unless the other one is.
        return True
    number = float(told)
    if math.isnan(number):
        return True  # it is said not to be known
    if not side.exists:
        return False
    if not mp.isfinite(side.slope):
        return number == side.slope
    if math.isinf(number):
        return bool(abs(side.slope) > 1e308)
    return bool(abs(number - side.slope) <= 1e-9 * abs(side.slope) + side.tolerance + 5e-324)


def _is_one_sided(told: float, left: Side, right: Side) -> bool:
    """Tell whether only one side exists, and the gradient is its slope."""
    sides = [side for side in (left, right) if side.exists]
    return len(sides) == 1 and not sides[0].jumps and _side_is(told, sides[0])


# ---- numbers ----


def _right_digits(told: float, true: Any) -> int:
    """Return how many significant digits of a double are right; 16 where it is the nearest one."""
    if told == true:
        return 16
    if not true or told == 0:
        return 0
    if told == _nearest(true) and abs(told) >= 2.0**-1022:
        return 16
    gap = abs(told - true) / abs(true)
    return max(0, min(16, int(mp.floor(-mp.log10(gap * (1 - mp.mpf(10) ** -9))))))


def _nearest(true: Any) -> float:
    try:
        return float(true)
    except OverflowError:
        return math.inf


def _is_told_right(text: str, true: Any, tolerance: Any = 0) -> bool:
    """Tell whether a decimal is right to 0.7 units of its last digit or its 40th, 0 being only 0."""
    told, digits = mp.mpf(text), text.partition("e")[0].replace(".", "").lstrip("-0")
    if not told:
        return bool(abs(true) <= tolerance)
    unit = mp.mpf(10) ** (mp.floor(mp.log10(abs(told))) + 1 - min(len(digits), 40))
    return bool(abs(told - true) <= 0.7 * unit + tolerance)


def _is_turned(program: Program, name: str, slope: Slope) -> bool:
    """Tell whether a unit in the last place of the inputs moves a slope by half of itself."""
    for upwards in ((True,), (True, False)):
        ends = [math.inf if up else -math.inf for up in upwards]
        moved = {
            x: math.nextafter(at, ends[place % len(ends)])
            for place, (x, at) in enumerate(program.point.items())
        }
        there = find_truth(replace(program, point=moved)).slopes.get(name)
        if (
            there is not None
            and there.status == "smooth"
            and 2 * abs(there.value - slope.value) >= abs(slope.value)
        ):
            return True
    return False


def _is_near(program: Program, name: str, told: float, true: Any) -> bool:
    """Tell whether a double is as near as the roundings on the way allow."""
    gap = abs(told - true)
    if gap <= abs(true) * _ULPS or (abs(told) < 1e-290 and abs(true) < 1e-280):
        return True
    return bool(gap <= 64 * spread(program)[name])


def _described(slope: Slope) -> str:
    if slope.status == "smooth":
        return _shown(slope.value)
    assert slope.left is not None
    assert slope.right is not None
    return f"left {_side(slope.left)}, right {_side(slope.right)}"


def _side(side: Side) -> str:
    if not side.exists:
        return "none"
    return f"{_shown(side.slope)}{' after a jump' if side.jumps else ''}"


def _shown(x: Any) -> str:
    if x and mp.isfinite(x) and abs(magnitude(x)) > 10_000:
        return f"{'-' * (x < 0)}2^{magnitude(x):.6g}"
    return str(mp.nstr(x, 17))
