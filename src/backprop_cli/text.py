"""Numbers, lists and near names as words."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def number_text(x: float, digits: int | None = 6) -> str:
    """Return a number for people: 15 and not 15.0; ``digits`` significant ones, None for all."""
    if math.isnan(x):
        return "undefined"
    if math.isinf(x):
        return "infinity" if x > 0 else "-infinity"
    if x == 0:
        return "0"
    text = repr(x) if digits is None else f"{x:.{digits}g}"
    mantissa, e, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def side_text(slope: float | None, digits: int | None = 6) -> str:
    """Return the slope on one side of a kink: None where there is no value, NaN where it is not known."""
    if slope is None:
        return "none"
    return "not known" if math.isnan(slope) else number_text(slope, digits)


def decimal_text(decimal: str, digits: int | None = 6) -> str:
    """Return a decimal of any size for people, as ``number_text`` does.

    So the nearest double is; of what has none, ``None`` is 17 digits.
    """
    nearest = float(decimal)
    if sys.float_info.min <= abs(nearest) < math.inf:
        return number_text(nearest, digits)
    from decimal import Decimal  # hardly ever needed

    text = f"{Decimal(decimal):.{digits or 17}g}".replace("e+", "e")
    mantissa, e, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 % 10 != 1 else 0, "th")
    return f"{number}{ending}"


_MOST_HELD = 3


def held_mark(held: Sequence[Sequence[str]], argnum: int, operands: Sequence[str | float]) -> str:
    """Return what stands behind the symbol of a local derivative that is not the whole derivative.

    held: per operand, the others that depend on it.  ``|u`` behind ∂L/∂w says that u is held though it moves
    with w; ``|2nd`` behind ∂y/∂x that the second x alone moves. "" where both derivatives are one.
    """
    others = held[argnum] if held else ()
    if not others:
        return ""
    if operands[argnum] in others or len(others) > _MOST_HELD:
        return f"|{ordinal(argnum + 1)}"
    return f"|{','.join(others)}"


def held_words(mark: str, name: str) -> str:
    """Return what the mark of a local derivative by ``name`` says: "u is held, though it depends on w"."""
    held = mark[1:].split(",")
    if held[0][0].isdigit():
        return f"the {held[0]} operand alone moves"
    verbs = "is held, though it depends" if len(held) == 1 else "are held, though they depend"
    return f"{listing(held)} {verbs} on {name}"


def few_digits(count: int) -> str:
    """Return how many digits of something are right, where these are few."""
    return {0: "no digit", 1: "only 1 digit"}.get(count, f"only {count} digits")


def reading(read_as: str) -> str:
    """Return the line that tells how a text of another notation was read."""
    return f"read as: {read_as}"


def printable(text: str) -> str:
    """Return a text of one line without control characters, which could drive a terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def listing(names: list[str]) -> str:
    """Return "a, b and c", cut after eight names; a very long name is cut, too."""
    names = [name if len(name) <= 60 else f"{name[:59]}…" for name in names]
    if len(names) > 8:
        return f"{', '.join(names[:7])} and {len(names) - 7} more"
    *others, last = names or [""]
    return f"{', '.join(others)} and {last}" if others else last


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "did you mean b?" for the known names nearest to ``name``, or "" if none is near."""
    from difflib import get_close_matches

    candidates = sorted(name for name in known if name.strip() and name.isprintable())
    near = get_close_matches(name, candidates, n=3, cutoff=0.6)
    # One letter too many, too few or in the wrong case is a slip even in names of two letters,
    # which get_close_matches finds too different ("bb" and "b").
    near += [
        known_name
        for known_name in candidates
        if known_name not in near
        and (
            known_name.casefold() == name.casefold()
            or (len(name) <= 3 and len(known_name) <= 3 and _differ_by_one(name, known_name))
        )
    ]
    if not near:
        return ""
    *others, last = near[:3]
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def _differ_by_one(left: str, right: str) -> bool:
    """Tell whether one name is the other with one letter more."""
    short, long = sorted((left, right), key=len)
    return len(long) - len(short) == 1 and any(short == long[:i] + long[i + 1 :] for i in range(len(long)))


# What XML 1.0 can't hold. Compiling this takes 2 to 4 ms, so it is left to the few who need it.
_FOREIGN = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"


def in_xml(text: str) -> str:
    """Return a text that XML can hold, with � for what it can't. It is not escaped."""
    return re.sub(_FOREIGN, "\ufffd", text)


def nested(shape: Sequence[int], flat: Sequence[Any]) -> Any:
    """Return elements as lists of lists."""
    if not shape:
        return flat[0]
    step = len(flat) // shape[0] if shape[0] else 0
    return [nested(shape[1:], flat[i * step : (i + 1) * step]) for i in range(shape[0])]
