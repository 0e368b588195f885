"""What a fit is asked for, and whether that can be met."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.errors import InputError
from backprop_cli.fitting.formula import read_columns
from backprop_cli.fitting.rows import evaluate_columns
from backprop_cli.language.arguments import real_number
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.arrays.values import Array
from backprop_cli.language.source import choose_point
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.formula import Formula
    from backprop_cli.language.arrays.values import Value

Start = float | tuple[float, float]
"""Where a parameter begins: a number, or the ends of a range."""
STARTS = 20
_LEAST = 1e-140


class Wish(NamedTuple):
    """What is asked for beside the formula.

    starts: parameter -> where it begins.  fixed: parameter -> its number, or numbers.  bounds: -> (least,
    most).  sigma: the error of the left side, a formula of columns, "" for none.  scale_errors: by the
    residuals, though there is a sigma.  tries: how many starts are drawn from ranges, None for ``STARTS``.
    drawn: what a picture needs.  arrays: parameters that are arrays, with the starts of their elements where
    they have any.  certify: prove the minimum.
    """

    starts: Mapping[str, Start]
    fixed: Mapping[str, Value]
    bounds: Mapping[str, tuple[float, float]]
    sigma: str = ""
    scale_errors: bool = False
    tries: int | None = None
    drawn: bool = False
    arrays: Mapping[str, Array] = MappingProxyType({})
    certify: bool = False

    @property
    def named(self) -> dict[str, Value]:
        """The parameters that it names; of an array only the shape is of use."""
        return {**dict.fromkeys(self.starts, 0.0), **self.fixed, **self.arrays}

    def by_elements(self) -> Wish:
        """Return the same, in which elements of arrays are parameters of their own.

        What is said of an element goes before what is said of its array.
        """
        for name in self.arrays.keys() & self.fixed.keys():
            raise InputError(f"{name} is fixed and given beside that, too", hint="one of the two is enough")
        fixed = _elements(self.fixed)
        given = {name: x for name, x in _elements(self.arrays).items() if name not in self.fixed}
        return self._replace(starts={**given, **self.starts}, fixed=fixed, arrays={})


def _elements(values: Mapping[str, Value]) -> dict[str, float]:
    """Return numbers by their names, those of an array by the names of its elements."""
    arrays = {name: x for name, x in values.items() if isinstance(x, Array)}
    elements = {
        element: x
        for name, array in arrays.items()
        for element, x in zip(element_names(name, array.shape), array.values, strict=False)
    }
    return elements | {name: x for name, x in values.items() if not isinstance(x, Array)}


class Data(NamedTuple):
    """Rows of data. columns: name -> numbers, all finite.  skipped: how many were left out."""

    columns: Mapping[str, Floats]
    rows: int
    skipped: int = 0


def needed_columns(formula: Formula, wish: Wish, known: list[str]) -> list[str]:
    """Return the columns that a fit reads. Raises ParseError or InputError."""
    sigma = read_columns(wish.sigma, known, "sigma").inputs if wish.sigma else ()
    return list(dict.fromkeys((*formula.columns(known), *(name for name in sigma if name in known))))


def fixed_parameters(formula: Formula, wish: Wish) -> dict[str, float]:
    """Return the parameters that stay: those that are fixed, and the program's own constants."""
    own = {name for name in formula.program.defaults if name not in wish.starts}
    zeros = {name: 0.0 for name in formula.program.inputs if name not in formula.program.defaults}
    values = choose_point(formula.program, {**zeros, **wish.fixed})
    return {name: x for name, x in values.items() if name in wish.fixed or name in own}


def check_wish(names: list[str], data: Data, wish: Wish) -> None:
    """Raise InputError for a wish that can't be met. names: the parameters that are looked for."""
    if not data.rows:
        raise InputError("the data has no rows")
    if not names:
        raise InputError("there is no parameter to find", hint="names that are no columns are parameters")
    if data.rows < len(names):
        raise InputError(
            f"{data.rows:,} row{'s' * (data.rows > 1)} can't tell {len(names):,} parameters",
            hint=f"they are {listing(names)}; the columns are {listing(list(data.columns))}",
        )
    for name, start in wish.starts.items():
        ends = start if isinstance(start, tuple) else (start, start)
        if (
            len(ends) != 2
            or not all(math.isfinite(real_number(name, end)) for end in ends)
            or ends[0] > ends[1]
        ):
            raise InputError(f"{name} can't begin at {start}", hint="a number, or a range from less to more")
        if name in wish.fixed:
            raise InputError(f"{name} is fixed and has a start, too")
    for name, (least, most) in wish.bounds.items():
        if name not in names:
            raise InputError(
                f"{name} has bounds, but is not found", hint=f"what is found is {listing(names)}"
            )
        if not least < most:
            raise InputError(f"the bounds of {name} leave no room: {least:g} to {most:g}")


def check_scale(response: Floats, sigma: Floats | None) -> None:
    """Raise InputError for a left side the squares of which leave the doubles. sigma: None for 1."""
    largest = float(np.abs(response / (1.0 if sigma is None else sigma)).max())
    if largest and not _LEAST < largest < 1 / _LEAST:
        over = "" if sigma is None else " over sigma"
        raise InputError(
            f"the squares of the left side{over} leave the doubles: it comes to {largest:g} at most",
            hint="another unit brings it nearer to 1",
        )


def read_sigma(text: str, data: Data) -> Floats | None:
    """Return the error of the left side at every row, None for none. Raises InputError or DomainError."""
    if not text:
        return None
    source = read_columns(text, list(data.columns), "sigma")
    sigma = evaluate_columns(source, data.columns, data.rows, "sigma")
    bad = np.flatnonzero(~(sigma > 0))
    if bad.size:
        raise InputError(f"row {bad[0] + 1}: sigma is {sigma[bad[0]]:g}", hint="an error is a number above 0")
    return sigma
