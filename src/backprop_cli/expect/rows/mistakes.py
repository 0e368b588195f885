"""Mistakes that lead to the numbers of a column, looked for in many rows at once.

They are those of ``diagnose`` that need no more than the numbers of a row, in the same words and order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats

    Flags = NDArray[np.bool_]

SAME = 1e-9
"""As two doubles that are computed in different ways and mean one number."""
COARSE = 1e-6
"""Numbers that may be further apart than this meet factors and terms by chance."""
ROUNDED = "rounded"
"""Of numbers that are equal to some digits; how many is told once all are known."""
_NEAR = 1e-3
_MOST_FACTOR = 100
_MOST_NAMES = 8
_FORGOTTEN = (2.0, 0.5, -2.0, -0.5)
# Behind a term that is so little beside the sum, only rounding can be seen.
_VISIBLE = 100.0


class Off(NamedTuple):
    """Rows that are off: their numbers, and how far two of them may be apart.

    values: of inputs and steps.  gradients: of the claims on gradients.  kinks: which rows are at one.
    """

    got: Floats
    expected: Floats
    allowed: Floats
    values: Mapping[str, Floats]
    gradients: Mapping[str, Floats]
    kinks: Flags


class Mistake(NamedTuple):
    """What may be behind a difference: in words, and in which rows it leads to what is expected."""

    text: str
    explains: Callable[[Off], Flags]


def list_mistakes(
    name: str, gradients: Sequence[str], values: Sequence[str], upstream: float, *, coarse: bool
) -> list[Mistake]:
    """Return the mistakes looked for, likeliest first.

    name: of the gradient, "" for a value.  gradients: the names that have one.  coarse: whether so much is
    allowed that factors and terms would be met by chance.
    """
    found = [Mistake("the data has no number", lambda off: np.isnan(off.expected))]
    if name:
        found.append(Mistake("at a kink, where a gradient is a convention", lambda off: off.kinks))
    found.append(Mistake("it is 0 in the data", lambda off: off.expected == 0))
    found.append(Mistake("opposite sign", partial(_is_scaled, factor=-1.0)))
    found.append(Mistake(ROUNDED, _is_near))
    found += [Mistake(_factor_text(x), partial(_is_scaled, factor=1 / x)) for x in _FORGOTTEN]
    if name:
        found += [
            Mistake(f"that is the gradient with respect to {other}", partial(_is_other, name=other))
            for other in gradients
            if other != name
        ]
    if name and upstream != 1:
        told = f"the upstream gradient {number_text(upstream)} is missing"
        found.append(Mistake(told, partial(_is_scaled, factor=1 / upstream)))
    return found if coarse else [*found, *_with_values(values[:_MOST_NAMES])]


def _with_values(names: Sequence[str]) -> Iterator[Mistake]:
    yield Mistake("that is the reciprocal", lambda off: _same(off, 1 / off.got))
    for name in names:
        for sign, told in ((1.0, f"the factor {name}"), (-1.0, f"the factor -{name}")):
            yield Mistake(f"{told} is missing", partial(_is_divided, name=name, sign=sign))
            yield Mistake(f"{told} is too much", partial(_is_multiplied, name=name, sign=sign))
    for name in names:
        yield Mistake(f"the term {name} is missing", partial(_is_moved, name=name, sign=-1.0))
        yield Mistake(f"the term {name} is too much", partial(_is_moved, name=name, sign=1.0))


def _is_near(off: Off) -> Flags:
    is_near: Flags = np.abs(off.got - off.expected) < _NEAR * np.fmax(np.abs(off.got), np.abs(off.expected))
    return is_near


def _is_scaled(off: Off, factor: float) -> Flags:
    return _same(off, off.got * factor)


def _is_other(off: Off, name: str) -> Flags:
    return _same(off, off.gradients[name])


def _is_divided(off: Off, name: str, sign: float) -> Flags:
    return _same(off, off.got / (sign * off.values[name]))


def _is_multiplied(off: Off, name: str, sign: float) -> Flags:
    return _same(off, off.got * (sign * off.values[name]))


def _is_moved(off: Off, name: str, sign: float) -> Flags:
    moved = off.got + sign * off.values[name]
    return _same(off, moved) & (np.abs(off.values[name]) > _VISIBLE * off.allowed)


def _same(off: Off, numbers: Floats) -> Flags:
    is_same: Flags = (np.abs(numbers - off.expected) <= off.allowed) & (off.expected != 0)
    return is_same


def _factor_text(factor: float) -> str:
    if abs(factor) > 1:
        return f"a factor of {number_text(factor)} is missing"
    return f"{number_text(1 / factor)} times too large"


def find_signatures(mistakes: Sequence[Mistake], off: Off, *, coarse: bool) -> NDArray[np.int64]:
    """Return a number for each row that says which mistakes explain it; 0 where none does."""
    found = np.zeros(len(off.got), np.int64)
    with np.errstate(all="ignore"):
        for place, mistake in enumerate(mistakes):
            found |= mistake.explains(off).astype(np.int64) << place
        if not coarse:
            found |= _whole_factors(off) << len(mistakes)
    return found


def _whole_factors(off: Off) -> NDArray[np.int64]:
    """Return, coded, the whole number that a row is too small or too large by; 0 for none."""
    code = np.zeros(len(off.got), np.int64)
    for inverse, ratio in enumerate((off.got / off.expected, off.expected / off.got)):
        whole = np.rint(ratio)
        is_plain = (np.abs(whole) > max(_FORGOTTEN)) & (np.abs(whole) <= _MOST_FACTOR)
        is_plain &= _same(off, off.got * whole if inverse else off.got / whole)
        whole = np.where(is_plain, whole, 0).astype(np.int64)
        code = np.where(is_plain & (code == 0), (whole + _MOST_FACTOR) * 2 + inverse + 1, code)
    return code


def explanations(signature: int, mistakes: Sequence[Mistake]) -> list[str]:
    """Return the mistakes that a signature stands for, likeliest first."""
    texts = [mistake.text for place, mistake in enumerate(mistakes) if signature >> place & 1]
    code = signature >> len(mistakes)
    if code:
        whole, inverse = divmod(code - 1, 2)
        factor = float(whole - _MOST_FACTOR)
        texts.append(_factor_text(1 / factor if inverse else factor))
    return texts
