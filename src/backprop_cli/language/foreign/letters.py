"""Letters and signs that formulas have and programs have not, and names that are products of names."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

FRACTIONS = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
}  # fmt: skip
SUPERSCRIPTS = {
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True)),
    **dict(zip("ⁿⁱˣʸᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷᶻ", "nixyabcdefghjklmoprstuvwz", strict=True)),
}
"""Raised signs and letters with the plain ones."""

_FOLDED = {
    "∆": "Δ",
    "ℎ": "h",
    "ϕ": "φ",
    "ϵ": "ε",
    "−": "-",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "∙": "*",
    "÷": "/",
    "∕": "/",
}


def plain_letters(text: str) -> str:
    """Return a text whose mathematical letters, such as 𝑚, are plain ones. It is as long as before."""
    if text.isascii():
        return text
    return "".join(
        unicodedata.normalize("NFKC", c) if "\U0001d400" <= c <= "\U0001d7ff" else _FOLDED.get(c, c)
        for c in text
    )


_WORDS = frozenset((
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
    "nu", "xi", "omicron", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
    "sum", "mean", "prod", "dot", "det", "inv", "norm", "var", "std", "tr", "trace", "rank", "diag", "avg",
    "log", "lim", "sup", "inf", "mod", "gcd", "lcm", "arg", "deg", "dim", "ker", "Re", "Im", "erf", "int",
    "for", "in", "is", "if", "else", "and", "or", "not", "of", "let", "def", "end", "then", "where", "with",
))  # fmt: skip
"""Words, which are no products of their letters whatever values are given."""
_MOST = 3
"""How many factors a product without signs has: mgh. What is longer is rather a word."""


class KnownNames(set[str]):
    """Names that have a value. longest: the length of the longest: so far a reader looks ahead.

    given: their values, as far as these are given.  shapes: of the arrays among them.
    """

    def __init__(self, names: Iterable[str] | Mapping[str, object] = ()) -> None:
        super().__init__(names)
        self.longest = max(map(len, self), default=0)
        self.given: Mapping[str, object] = names if isinstance(names, Mapping) else {}
        shapes = {name: getattr(value, "shape", ()) for name, value in self.given.items()}
        self.shapes: dict[str, tuple[int, ...]] = {name: shape for name, shape in shapes.items() if shape}

    def add(self, name: str) -> None:
        """Add a name."""
        super().add(name)
        self.longest = max(self.longest, len(name))

    def copy(self) -> KnownNames:
        """Return the names, to which others can be added."""
        names = KnownNames(self)
        names.given, names.shapes = self.given, self.shapes
        return names


def split_products(name: str, given: KnownNames) -> list[str]:
    """Return the given names, or π, whose product a name is, [] where it is none or in more than one way."""
    if name in _WORDS:
        return []
    ways: list[list[list[str]]] = [[[]]]
    for end in range(1, len(name) + 1):
        found = []
        for start in range(max(0, end - max(given.longest, 1)), end):
            if ways[start] and (name[start:end] in given or name[start:end] == "π"):
                found += [[*way, name[start:end]] for way in ways[start][:2]]
        ways.append(found[:2])
    whole = ways[-1]
    return whole[0] if len(whole) == 1 and 1 < len(whole[0]) <= _MOST else []
