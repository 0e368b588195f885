"""Numbers as they are written: 0.1 is 1/10, not the double nearest to it.

The reader rounds every number to a double. The steps of a code know where they stand in the text, so what was
written can be had back; and the values behind a program stay constant expressions until a number system
evaluates them.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import LimitError
from backprop_cli.language.code import fold, steps
from backprop_cli.language.source import read_definitions
from backprop_cli.language.values import is_array_value, written_elements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backprop_cli.language.code import Code, Span
    from backprop_cli.language.source import Source
    from backprop_cli.operations.op import Namespace, Number

# As a fraction 1e-5000 has 5,001 digits.
_MOST_EXPONENT = 5_000


def exact_source(source: Source) -> Source:
    """Return a program whose numbers are the fractions that are written. Raises LimitError."""
    made = {id(s): s._replace(code=exact_code(s.code, source.text)) for s in source.statements}
    defaults = {name: made[id(statement)] for name, statement in source.defaults.items()}
    return source._replace(statements=[made[id(s)] for s in source.statements], defaults=defaults)


def exact_point(source: Source, words: Iterable[str]) -> dict[str, Code]:
    """Return the constant expression of every input: that of a word NAME=VALUE or NAME=[…], or its default.

    source: as ``exact_source`` returns it. Raises LimitError, and what ``read_definitions`` does.
    """
    words = list(words)
    numbers = read_definitions([word for word in words if not is_array_value(word)])
    given = {name: exact_code(code, text) for name, (text, code) in numbers.items()}
    for word in filter(is_array_value, words):
        given |= {name: exact_code(code, text) for name, code, text in written_elements(word)}
    return {name: given[name] if name in given else source.defaults[name].code for name in source.inputs}


def exact_code(code: Code, text: str) -> Code:
    """Return a code of this text whose numbers are the fractions that are written. Raises LimitError."""
    return tuple(entry for step in _exact_steps(code, text) for entry in step)


def _exact_steps(code: Code, text: str) -> Iterator[tuple[Any, ...]]:
    for what, arity, start, end in steps(code):
        exact = as_written(what, text[start:end]) if isinstance(what, float) else what
        yield exact, arity, start, end


def as_written(number: float, text: str) -> Fraction:
    """Return the fraction that is written where a double was read. Raises LimitError."""
    try:
        decimal = Decimal(text)
    except InvalidOperation:  # the 2 of x², which is a double
        return Fraction(number)
    if decimal and abs(decimal.adjusted()) > _MOST_EXPONENT:
        raise LimitError(f"{text} is too small to be computed with as it is written")
    return Fraction(decimal)


def evaluate_code(code: Code, m: Namespace) -> Number:
    """Return the value of constant code in a number system. Raises ArithmeticError or ValueError."""

    def leaf(what: Any, _span: Span) -> Number:
        constants = {"pi": m.pi}
        return constants[what] if isinstance(what, str) else m.number(what)

    return fold(code, leaf, lambda op, operands, _span: m.value(op, operands))
