"""NumPy's functions by the names that a namespace gives them."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from backprop_cli.operations.doubles import FLOAT, Binary64

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any  # an array of doubles or of truth values


def _elementwise(function: Callable[[float], float]) -> Callable[..., Array]:
    """Return a function of math for arrays, one number after the other: NumPy has none of its own.

    It takes some 60 ns a number.
    """
    objects = np.frompyfunc(function, 1, 1)

    def on_array(x: Array, out: Array | None = None) -> Array:
        result = objects(x)
        if out is None:
            return np.asarray(result, np.float64)
        out[...] = result
        return out

    return on_array


def _where(condition: Array, a: Array, b: Array, out: Array | None = None) -> Array:
    if out is None:
        return np.where(condition, a, b)
    # np.where has no out.
    np.copyto(out, b)
    np.copyto(out, a, where=condition)
    return out


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "abs": np.absolute,
    "max": lambda a, b, out: np.maximum(a, b, out=out),  # they want their result by name
    "min": lambda a, b, out: np.minimum(a, b, out=out),
    "pow": np.power,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "both": np.logical_and,
    "either": np.logical_or,
    "not": np.logical_not,
    "where": _where,
    "erf": _elementwise(math.erf),
    "erfc": _elementwise(math.erfc),
    **{
        name: getattr(np, name)
        for name in ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan")
    },
    **{name: getattr(np, name) for name in ("sinh", "cosh", "tanh", "hypot", "sign", "floor", "ceil")},
}
"""Instruction -> the function of arrays; the last argument is the array for the result."""


class Arrays(Binary64):
    """ARRAY: the namespace of doubles in arrays; where a function has no value it gives what NumPy gives."""

    zero, one, inf, nan, pi = 0.0, 1.0, math.inf, math.nan, math.pi
    ln2, ln10 = FLOAT.ln2, FLOAT.ln10

    def __init__(self) -> None:
        for name, function in FUNCTIONS.items():
            if name not in ("max", "min"):
                setattr(self, name, function)
        self.ratio = np.divide

    @staticmethod
    def number(x: Array) -> Array:
        """Return x itself."""
        return x

    @staticmethod
    def max(*xs: Array) -> Array:
        """Return the greatest of the operands, row by row; of equal ones the first, as Python does."""
        return reduce(lambda best, x: np.where(np.greater(x, best), x, best), xs)

    @staticmethod
    def min(*xs: Array) -> Array:
        """Return the least of the operands, row by row; of equal ones the first."""
        return reduce(lambda best, x: np.where(np.less(x, best), x, best), xs)

    @staticmethod
    def is_integer(x: Array) -> Array:
        """Tell which numbers are whole."""
        return np.equal(x, np.floor(x))


ARRAY = Arrays()
