"""What a user expects of a program: "a=15", "b=a*f", "grad:e=5", "value=-20"; read, not yet judged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.errors import InputError, ParseError
from backprop_cli.language.arrays.shapes import element_names, shape_text
from backprop_cli.language.code import Temporary, is_constant, names_in
from backprop_cli.language.reader import canonical_name, normalise, read_value
from backprop_cli.language.source import evaluate_code, evaluate_constant
from backprop_cli.operations.table import CONSTANTS
from backprop_cli.record import Record
from backprop_cli.text import did_you_mean, listing, number_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from backprop_cli.language.code import Code
    from backprop_cli.language.source import Source

GRADIENT, VALUE = "gradient", "value"
_FORM = "write a=15, b=a*f, grad:e=5 for an intermediate, value=-20 for the value"
_TARGET = re.compile(r"\s*(?:(?P<of>grad|value)\s*:)?\s*(?P<name>[^\s:]*)\s*")


class Expectation(Record):
    """One expectation.

    text: as it was written.  of: "gradient" or "value".  name: of the node, "" for the program's value.
    formula: the right side as text.  code: the same as postfix code in the names of the program.
    number: its value where it is a constant, None where it depends on a name.
    """

    text: str
    of: str
    name: str
    formula: str
    code: Code
    number: float | None

    @property
    def target(self) -> str:
        """What is claimed something of, in one form: "a", "value:e", "value"."""
        if self.of == GRADIENT:
            return self.name
        return f"value:{self.name}" if self.name else "value"

    @property
    def claim(self) -> str:
        """What is claimed, in one form: "a = 15", "value:e = a*b"."""
        return f"{self.target} = {self.formula}"


def read_expectation(text: str, source: Source) -> Expectation:
    """Read one expectation of a program.

    NAME is an input or a step of the program, and what is meant is its gradient; ``value`` is the value of
    the program, ``value:NAME`` that of a step. Names on the right are those of the program.

    Raises ParseError or InputError.
    """
    text = normalise(text)
    of, name = read_target(text, source)
    left, _, right = text.partition("=")
    code = _read_formula(text, len(left) + 1, names_of(source))
    formula = " ".join(right.split())
    number = evaluate_constant(text, len(left) + 1) if is_constant(code, names_of(source)) else None
    return Expectation(text, of, name, formula, code, number)


def read_expectations(text: str, source: Source) -> list[Expectation]:
    """Read one expectation of a program; one of an array is one of each of its elements.

    What is expected of an array is an array of its shape, or one number for all. Raises ParseError or
    InputError.
    """
    if not source.shapes and not source.steps:
        return [read_expectation(text, source)]
    from backprop_cli.language.arrays.expand import formula_elements, named_shapes

    text = normalise(text)
    of, name = read_target(text, source)
    left, _, right = text.partition("=")
    named = named_shapes(source.shapes, source.steps)
    code = _read_formula(text, len(left) + 1, {*names_of(source), *named})
    shape = named.get(name, ())
    found, codes = formula_elements(code, text, named)
    if found not in (shape, ()):
        raise InputError(
            f"{name or 'the value'} is of shape {shape_text(shape)}, what is expected of {shape_text(found)}",
            text,
            len(left) + 1,
            len(text),
        )
    formula = " ".join(right.split())
    names = element_names(name, shape)
    if not found:
        codes = codes * len(names)
    return [
        _of_element(text, of, element, _part(formula, element, name) if found else formula, code, source)
        for element, code in zip(names, codes, strict=True)
    ]


def _part(formula: str, element: str, name: str) -> str:
    """Return what is expected of an element: "(outer(dz, x))[0,1]"."""
    return f"({formula}){element[len(name) :]}"


def _of_element(text: str, of: str, name: str, formula: str, code: Code, source: Source) -> Expectation:
    number = None
    if is_constant(code, names_of(source)):
        number = evaluate_code(code, text)
        is_written = len(code) <= len("-1") * 4  # a number, or one with a sign: as many digits as it has
        formula = text[code[2] : code[-1]].strip() if is_written else number_text(number, None)
        formula = f"-{formula}" if is_written and len(code) > 4 and not formula.startswith("-") else formula
    return Expectation(text, of, name, formula, code, number)


def names_of(source: Source) -> set[str]:
    """Return the names of the inputs and the steps of a program."""
    names = (statement.name for statement in source.statements)
    return {*source.inputs, *(name for name in names if name and type(name) is not Temporary)}


def read_target(text: str, source: Source) -> tuple[str, str]:
    """Return what an expectation is of, gradient or value, and the name of the node. Raises InputError."""
    left, equals, right = text.partition("=")
    match = _TARGET.fullmatch(left)
    if not equals or match is None or (not match["name"] and match["of"] != "value"):
        raise InputError(f"{text!r} is not an expectation", text, 0, len(text), _FORM)
    if not right.strip():
        raise InputError("nothing is expected", text, 0, len(text), _FORM)
    name = canonical_name(match["name"])
    of = VALUE if match["of"] == "value" else GRADIENT
    if match["of"] is None and name == "value":
        if "value" in names_of(source):
            raise InputError(
                "value may be the value of the program or the gradient with respect to its name value",
                text,
                *match.span("name"),
                "write grad:value=… for the gradient, value:=… for the value of the program",
            )
        of, name = VALUE, ""
    return of, name


def _read_formula(text: str, start: int, known: Collection[str]) -> Code:
    """Return the code of what stands in ``text`` from ``start`` on."""
    try:
        code = read_value(" " * start + text[start:])
    except ParseError as error:
        error.text = text
        raise
    for name, name_start, name_end in names_in(code):
        if name not in known and name not in CONSTANTS:
            names = listing(sorted(known))
            raise InputError(
                f"{name} is not a name of the program",
                text,
                name_start,
                name_end,
                did_you_mean(name, known) or (f"its names are {names}" if names else ""),
            )
    return code
