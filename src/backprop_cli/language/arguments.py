"""What Python hands over: numbers, names and points of any type, taken as ours or refused with our errors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from backprop_cli.errors import InputError
from backprop_cli.language.arrays.values import Array, Value, finite_element, flattened, refuse_size
from backprop_cli.language.reader import canonical_name, normalise


def real_number(what: str, value: Any) -> float:
    """Return a real number of any type (int, Fraction, Decimal, a scalar of NumPy) rounded once to binary64.

    what: the number is, for the message. Infinity and NaN are numbers here. Raises InputError.
    """
    if type(value) is float:
        return value
    if getattr(value, "shape", None) == ():  # a scalar of NumPy, or an array of no dimension
        value = value.item()
    if not _is_real(value):
        hint = "an integer, a float, a fraction or a scalar of NumPy is one"
        raise InputError(f"{what} is of type {type(value).__name__}, not a real number", hint=hint)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if math.isinf(number) and value != number:
        raise InputError(f"{what} is beyond 1.79769e308, the largest number")
    return number


def upstream_gradient(value: Any) -> float:
    """Return the gradient that arrives at the output. Raises InputError where it is no finite number."""
    number = real_number("the upstream gradient", value)
    if not math.isfinite(number):
        raise InputError(f"the upstream gradient is {number}", hint="it is a finite number")
    return number


def _is_real(value: object) -> bool:
    if isinstance(value, int | float):
        return not isinstance(value, bool)
    from decimal import Decimal
    from numbers import Real

    return isinstance(value, Real) or (isinstance(value, Decimal) and not value.is_snan())


def name_list(what: str, names: Any) -> list[str]:
    """Return names as a list. what: they are, for the message. Raises InputError, also for a text."""
    hint = "it is a list of names"
    if isinstance(names, str):
        raise InputError(f"{what} is the text {names!r}", hint=hint)
    if not isinstance(names, Iterable):
        raise InputError(f"{what} is of type {type(names).__name__}", hint=hint)
    found = list(names)
    for name in found:
        _require_text(f"a name in {what}", name)
    return found


def given_values(what: str, values: Any) -> dict[str, float]:
    """Return name -> number from a mapping. what: it is, for the message. Raises InputError."""
    if not isinstance(values, Mapping):
        hint = 'it is a dictionary of names and numbers: {"a": 2}'
        raise InputError(f"{what} is of type {type(values).__name__}", hint=hint)
    found: dict[str, float] = {}
    for given, value in values.items():
        _require_text(f"a name in {what}", given)
        name = given if given.isascii() else canonical_name(normalise(given))
        if name in found:
            raise InputError(f"{name} is given twice")
        found[name] = real_number(name, value)
    return found


def given_arrays(what: str, values: Any) -> dict[str, Value]:
    """Return name -> number or array from a mapping; see ``given_values``. Raises InputError."""
    if not isinstance(values, Mapping):
        return dict(given_values(what, values))  # which raises
    arrays: dict[str, Value] = {}
    numbers: dict[str, Any] = {}
    for given, value in values.items():
        array = array_from_python(str(given), value)
        if array is None:
            numbers[given] = value
        else:
            _require_text(f"a name in {what}", given)
            arrays[canonical_name(normalise(given))] = array
    return {**given_values(what, numbers), **arrays}


def array_from_python(name: str, value: Any) -> Array | None:
    """Return the array that a list, a tuple, or an array of NumPy's is; None for what is none.

    Raises InputError for a ragged one, and for elements that are no finite numbers.
    """
    shape = getattr(value, "shape", None)
    if hasattr(value, "tolist") and isinstance(shape, tuple) and shape:
        refuse_size(name, prod(shape))
        value = value.tolist()
    if not isinstance(value, list | tuple):
        return None
    return flattened(name, value, lambda x: finite_element(name, real_number(f"an element of {name}", x)))


def _require_text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"{what} is of type {type(value).__name__}, not a text")
