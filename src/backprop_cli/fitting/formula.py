"""Formulas with a tilde: what is explained on the left, the program that explains it on the right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import InputError, ParseError
from backprop_cli.language.source import read_source
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from backprop_cli.language.arrays.values import Value
    from backprop_cli.language.source import Source

_TILDE = re.compile("[~∼～]")
_EXAMPLE = 'a formula is "y ~ a*exp(-b*x)": a column, or a formula of columns, then ~, then the program'


class Formula(NamedTuple):
    """A formula whose names are resolved. parameters: the inputs of the program that are no columns."""

    text: str
    response: Source
    program: Source
    parameters: list[str]

    def columns(self, known: Collection[str]) -> list[str]:
        """Return the columns that it reads, each once."""
        names = (*self.response.inputs, *self.program.inputs)
        return list(dict.fromkeys(name for name in names if name in known))


def read_formula(
    text: str, columns: Collection[str], given: Mapping[str, Value], notation: str | None = None
) -> Formula:
    """Read a formula beside data with these columns. given: the named parameters.

    Statements before the last one belong to the program: ``k = 2; y ~ a*sin(k*x)``.

    Raises ParseError, or InputError for a name that can't be what it would be here.
    """
    for name in given:
        if name in columns:
            raise InputError(
                f"{name} is a column of the data and can't be a parameter, too",
                hint="--map NAME=COLUMN reads a column under another name",
            )
    tildes = [match.start() for match in _TILDE.finditer(text)]
    if len(tildes) != 1:
        told = "there is no ~ in the formula" if not tildes else "there is more than one ~ in the formula"
        raise ParseError(told, text, 0 if not tildes else tildes[1], len(text), hint=_EXAMPLE)
    at = tildes[0]
    start = max(text.rfind(";", 0, at), text.rfind("\n", 0, at)) + 1
    left = text[start:at].strip()
    if not left:
        raise ParseError("nothing stands before ~", text, at, at + 1, hint=_EXAMPLE)
    # Blanks in the place of the left side keep the places of all that is told of the right one.
    program = _read_program(text[:start] + " " * (at + 1 - start) + text[at + 1 :], columns, given, notation)
    response = read_columns(left, columns, "the left side of ~", notation)
    parameters = [name for name in program.inputs if name not in columns]
    for name in given:
        if name not in parameters and name not in program.shapes:
            known = f"the parameters are {listing(parameters)}" if parameters else "the formula has none"
            raise InputError(f"{name} is not in the formula", hint=did_you_mean(name, parameters) or known)
    if len(parameters) > 1 and not any(name in columns for name in program.inputs):
        near = next(filter(None, (did_you_mean(name, columns) for name in parameters)), "")
        raise InputError(
            "the right side of ~ names no column, and such a constant can tell one parameter at most",
            hint=near or f"its columns are {listing(list(columns))}",
        )
    return Formula(text, response, program, parameters)


def _read_program(
    text: str, columns: Collection[str], given: Mapping[str, Value], notation: str | None
) -> Source:
    source = read_source(text, given, notation, known=columns)
    if "e" not in source.inputs or "e" in (*columns, *given) or "e" in source.defaults:
        return source
    others = {*columns, *source.inputs} - {"e"}  # e^x is exp(x), unless a program is left with a name e
    source = read_source(text, given, notation, known=others)
    if "e" in source.inputs:
        raise InputError(
            "e is no column, and nothing is given for it", text, *source.inputs["e"],
            hint="Euler's number is exp(1), e to the x is exp(x); e=1 makes it a parameter that begins at 1",
        )  # fmt: skip
    return source


def read_columns(text: str, columns: Collection[str], what: str, notation: str | None = None) -> Source:
    """Return a program of columns alone. what: it is, for the message. Raises ParseError or InputError."""
    source = read_source(text, notation=notation, known=columns)
    for name, span in source.inputs.items():
        if name not in columns and name not in source.defaults:
            raise InputError(
                f"the data has no column {name}, which {what} names",
                source.text,
                *span,
                hint=did_you_mean(name, columns) or f"its columns are {listing(list(columns))}",
            )
    return source
