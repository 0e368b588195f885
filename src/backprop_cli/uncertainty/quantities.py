"""Estimates with their uncertainties, as people write them: 2±0.1, 2+/-0.1, 2±3%, 2.00(10), (2.0±0.1)e3."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import InputError, ParseError
from backprop_cli.language.arguments import given_values, real_number
from backprop_cli.language.reader import normalise
from backprop_cli.language.source import read_assignments
from backprop_cli.language.values import element_texts, is_array_value
from backprop_cli.uncertainty.report import Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMS = "a=2±0.1, a=2+/-0.1, a=2±3% or a=2.00(10)"
"""How an uncertainty is written, for hints."""

_NUMBER = r"[-+−]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
# 2.00(10)e3: the digits in parentheses stand below the last ones before them, if they have no point.
_CONCISE = re.compile(rf"({_NUMBER})\(([0-9]+(?:\.[0-9]*)?)\)(?:[eE]([-+−]?[0-9]{{1,9}}))?")
_SCALED = re.compile(rf"\(\s*({_NUMBER})\s*±\s*([0-9.]+)\s*\)(?:[eE]([-+−]?[0-9]{{1,9}}))?")
# 2+-0.1: people mean ±, and it is a difference.
_EITHER = re.compile(r"[0-9.]\s*\+\s*[-−]\s*[0-9.]")


class _Halves(NamedTuple):
    """The texts of an estimate and of its uncertainty, "" for none; which may be in percent."""

    estimate: str
    uncertainty: str = ""
    in_percent: bool = False


def read_quantities(words: Iterable[str], hint: str = "") -> dict[str, Quantity]:
    """Read NAME=VALUE arguments, each value with its uncertainty or exact.

    NAME=[…] is an array, whose elements are quantities of their own: x[0].
    hint: what to say of a word that is nothing like NAME=VALUE.

    Raises InputError or ParseError.
    """
    found: dict[str, Quantity] = {}
    plain = []
    for word in words:
        if is_array_value(word):
            elements = element_texts(word)
            if found.keys() & elements.keys():
                raise InputError(f"{next(iter(elements)).partition('[')[0]} is given twice")
            found |= {name: _read_element(name, text) for name, text in elements.items()}
        else:
            plain.append(word)
    return _read_numbers(plain, hint) | found


def _read_element(name: str, text: str) -> Quantity:
    """Return an element of an array; what is wrong with it is told by its name."""
    try:
        return _read_numbers([f"element={text}"], "")["element"]
    except (InputError, ParseError) as error:
        message = error.message.replace("element", name)
        raise InputError(message, hint=error.hint.replace("element", name)) from None


def _read_numbers(words: Iterable[str], hint: str) -> dict[str, Quantity]:
    """Read NAME=VALUE arguments that are no arrays; see ``read_quantities``."""
    estimates: list[str] = []
    spreads: list[str] = []
    in_percent: set[int] = set()
    for word in words:
        name, equals, value = normalise(word).partition("=")
        halves = _halves(value.strip()) if equals else None
        if halves is None or not halves.uncertainty:
            estimates.append(word)
            continue
        estimates.append(f"{name}={halves.estimate}")
        spreads.append(f"{name}={halves.uncertainty}")
        in_percent |= {len(estimates) - 1} if halves.in_percent else set()
    found = read_assignments(estimates, hint)
    uncertainties = read_assignments(spreads)
    relative = {name for place, name in enumerate(found) if place in in_percent}
    return {
        name: _quantity(name, estimate, uncertainties.get(name, 0.0), in_percent=name in relative)
        for name, estimate in found.items()
    }


def _halves(value: str) -> _Halves:
    """Split a value into estimate and uncertainty. Raises InputError where it is unclear what these are."""
    concise = _CONCISE.fullmatch(value)
    if concise:
        number, digits, exponent = concise.groups()
        power = int((exponent or "0").replace("−", "-"))
        places = 0 if "." in digits else len(number.partition(".")[2])
        return _Halves(f"{number}e{power}", f"{digits}e{power - places}")
    value = value.replace("+/-", "±")
    scaled = _SCALED.fullmatch(value)
    if scaled:
        number, digits, exponent = scaled.groups()
        power = int((exponent or "0").replace("−", "-"))
        return _Halves(f"{number}e{power}", f"{digits}e{power}")
    estimate, mark, spread = (part.strip() for part in value.partition("±"))
    if not mark and _EITHER.search(value):
        raise InputError(f"{value!r} may be a difference or an uncertainty", hint=f"write 2-0.1, or {FORMS}")
    if not mark:
        return _Halves(value)
    if not spread or "±" in spread:
        raise InputError(f"{value!r} is not one uncertainty", hint=FORMS)
    return _Halves(estimate, spread.removesuffix("%").strip() or "%", spread.endswith("%"))


def _quantity(name: str, estimate: float, uncertainty: float, *, in_percent: bool = False) -> Quantity:
    """Return a quantity. Raises InputError for an uncertainty that can't be one."""
    if uncertainty < 0 or not math.isfinite(uncertainty):
        raise InputError(f"the uncertainty of {name} is {uncertainty:g}", hint="it is finite, 0 or more")
    if not in_percent:
        return Quantity(estimate, uncertainty)
    if estimate == 0 and uncertainty:
        raise InputError(f"{name} is 0, and any percentage of it, too", hint=f"write {name}=0±0.1")
    size = abs(estimate) * (uncertainty / 100)
    if not math.isfinite(size) or (uncertainty and not size):
        raise InputError(f"{uncertainty:g}% of {name} is beyond what doubles hold")
    return Quantity(estimate, size)


def given_quantities(values: Any) -> dict[str, Quantity]:
    """Return name -> quantity from a mapping of Python's: numbers, pairs, or texts. Raises InputError."""
    if not isinstance(values, Mapping):
        given_values("inputs", values)  # which raises
    written = [f"{name}={value}" for name, value in values.items() if isinstance(value, str)]
    pairs = {name: value for name, value in values.items() if isinstance(value, tuple | list)}
    numbers = {
        name: value.estimate if isinstance(value, Quantity) else value
        for name, value in values.items()
        if not isinstance(value, str | tuple | list)
    }
    made = {name: value for name, value in values.items() if isinstance(value, Quantity)}
    found = {name: made.get(name, Quantity(x)) for name, x in given_values("inputs", numbers).items()}
    for name, pair in pairs.items():
        if len(pair) != 2:
            raise InputError(f"{name} is of {len(pair)} numbers", hint="an estimate and its uncertainty")
        found[name] = _quantity(name, real_number(name, pair[0]), real_number(name, pair[1]))
    return found | read_quantities(written)


def with_dof(quantities: Mapping[str, Quantity], dof: Mapping[str, float]) -> dict[str, Quantity]:
    """Return the quantities with their degrees of freedom. Raises InputError."""
    for name, count in dof.items():
        if name not in quantities or not quantities[name].uncertainty:
            raise InputError(f"{name} has no uncertainty, so no degrees of freedom", hint=FORMS)
        if not count >= 1:
            raise InputError(f"{name} has {count:g} degrees of freedom", hint="they are 1 or more")
    return {name: replace(quantity, dof=dof.get(name, quantity.dof)) for name, quantity in quantities.items()}
