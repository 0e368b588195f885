"""Calls of functions by the names that other languages have for them, as the plain language has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS
from backprop_cli.language.foreign.builder import Item, Piece, called, filled, flat, grouped
from backprop_cli.language.synonyms import ALIASES, DOUBTFUL, FOLDS, REWRITES, VECTORS, hint_at, rewrites
from backprop_cli.language.tokens import Token
from backprop_cli.operations.table import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

IDENTITIES = frozenset(
    {"float", "double", "item", "detach", "numpy", "clone", "cpu", "cuda", "identity", "asarray"}
)
"""What leaves a number as it is."""


def is_known(name: str) -> bool:
    """Tell whether a function is known by this name, here or elsewhere."""
    return any(name in known for known in (FUNCTIONS, ALIASES, REWRITES, FOLDS, IDENTITIES, SPECIAL))


def rewritten(name: str) -> str:
    """Return what is written for a function of another language, "" where that is unknown."""
    if name in ALIASES:
        return f"{ALIASES[name]}(…)"
    first = next(iter(rewrites(name).values()), "")
    return first.replace("_1", "x").replace("_2", "y").replace("_3", "z")


def call(text: str, name: str, operands: Sequence[Item], first: int, last: int) -> Item:
    """Return what a function comes to, in the plain language. Raises ParseError, with this text."""
    if name in SPECIAL and len(operands) == 2:
        return SPECIAL[name](operands, first, last)
    if name in FOLDS and len(operands) > 1:
        return folded(FOLDS[name], operands, first, last)
    if name in FUNCTIONS or name in ALIASES:
        return called(name if name in FUNCTIONS else ALIASES[name], operands, first, last)
    if name in IDENTITIES and len(operands) == 1:
        return grouped(operands[0])
    if name in REWRITES:
        templates = rewrites(name)
        if len(operands) in templates:
            return filled(templates[len(operands)], operands, first, last)
        counts = " or ".join(map(str, templates))
        message = f"{name} needs {counts} operand{'s' * (counts != '1')}, got {len(operands)}"
        raise ParseError(message, text, first, last, DOUBTFUL.get(name, ""))
    if name in VECTORS:
        if name not in ARRAY_FUNCTIONS:
            raise ParseError(hint_at(name), text, first, last, "write it out for its elements: x[0]")
        hint = f"give one a value: x=[1, 2, 3]; of numbers it is written {VECTORS[name]}"
        raise ParseError(
            f"{name} is of vectors and matrices, and no value here is one", text, first, last, hint
        )
    raise ParseError(f"{name} is not a function that is known here", text, first, last)


def folded(name: str, operands: Sequence[Item], first: int, last: int) -> Item:
    """Return a function of two operands taken of the first two, of that and the third, and so on."""
    result = operands[0]
    for operand in operands[1:]:
        result = called(name, [result, operand], first, last)
    return result


def root(radicand: Item, index: Item, first: int, last: int) -> Piece:
    """Return the root of an index: odd ones of negative numbers are only known for 3."""
    name = {2.0: "sqrt", 3.0: "cbrt"}.get(number_of(index) or 0.0)
    return (
        called(name, [radicand], first, last) if name else filled("_1^(1/_2)", [radicand, index], first, last)
    )


def logarithm(operand: Item, base: Item, first: int, last: int) -> Piece:
    """Return the logarithm to a base."""
    name = {2.0: "log2", 10.0: "log10"}.get(number_of(base) or 0.0)
    return (
        called(name, [operand], first, last)
        if name
        else filled("log(_1)/log(_2)", [operand, base], first, last)
    )


SPECIAL: dict[str, Callable[[Sequence[Item], int, int], Piece]] = {
    "root": lambda operands, first, last: root(operands[1], operands[0], first, last),
    "nthRoot": lambda operands, first, last: root(operands[0], operands[1], first, last),
    "log": lambda operands, first, last: logarithm(operands[0], operands[1], first, last),
}
"""Functions of two operands, one of which decides what is written."""


LONGEST = max(map(len, (*FUNCTIONS, *ALIASES, *REWRITES, *FOLDS, *IDENTITIES, *SPECIAL)))
"""The length of the longest name that ``is_known``."""


def word_of(item: Item, most: int) -> str:
    """Return the text of an operand in the plain language, "" where it has more than so many tokens."""
    return "" if not isinstance(item, Token) and item.size > most else "".join(t.word for t in flat([item]))


def number_of(item: Item) -> float | None:
    """Return the number that an operand is, None if it is none."""
    try:
        return float(word_of(item, 5).strip("()"))
    except ValueError:
        return None


def with_keywords(text: str, name: str, operands: Sequence[Item], keywords: Mapping[str, Item]) -> list[Item]:
    """Return the operands of a function in order, those with a keyword in their places. Raises ParseError."""
    if not keywords:
        return list(operands)
    places = _PARAMETERS.get(name, ())
    found = list(operands)
    for keyword, operand in sorted(
        keywords.items(), key=lambda pair: places.index(pair[0]) if pair[0] in places else 0
    ):
        if keyword not in places or places.index(keyword) != len(found):
            known = ", ".join(f"{place}=" for place in places[1:]) or "none"
            raise ParseError(
                f"{name} takes no {keyword}= here",
                text,
                operand.first,
                operand.last,
                f"what it takes is {known}",
            )
        found.append(operand)
    return found


_PARAMETERS = {"leaky_relu": ("x", "negative_slope"), "elu": ("x", "alpha"), "where": ("cond", "x", "y")}
