"""What writes mathematics: as text, or as LaTeX; and the lines that are written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.binding import is_sum
from backprop_cli.notation.latex import escape, expression_latex, mark_latex, name_latex, number_latex
from backprop_cli.notation.pretty import pretty
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterable

# A sign of multiplication that a book leaves out: 2(a - y), a(1 - a); and products of nothing else.
_CLOSE = re.compile(r"(?<![\w.#)])((?:\d+|[^\W\d]\w*))\*(?=\()")
_PRODUCT = re.compile(r"[\w.]+\([^()]*\)")
SIMPLE = re.compile(r"[\w.#]+(?:\[[\d, ]+\])?|[^\W\d]\w*\([^()]*\)|\([^()]*\)")
"""What needs no parentheses as a factor."""


MATHS = "\x0f"
"""Stands on both sides of mathematics among words."""
# A product, a quotient or a power among words, and what is added to it: 2*(a - y), x^2 - 1.
_FORMULA = re.compile(r"(?:[\w.(*^/)]+ [-+] )*[\w.(-]\S*[*^/][^\s;:,]*(?: [-+] [^\s;:,]+)*")

_RELATION = re.compile(r" [<>]=? ")


class Line(NamedTuple):
    """A line of the story. kind: "heading", "equation", "words" or "gap"."""

    kind: str
    text: str


class TextPen:
    """Writes mathematics as text, in ASCII where Unicode is not to be had."""

    def __init__(self, output: str, upstream: float, digits: int | None, *, unicode: bool = True) -> None:
        self.output = output
        self.upstream = upstream
        self.digits = digits
        self.unicode = unicode

    def number(self, x: float) -> str:
        return pretty(number_text(x, self.digits), unicode=self.unicode)

    def name(self, name: str) -> str:
        return name

    def expression(self, text: str) -> str:
        return pretty(text, unicode=self.unicode)

    def gradient(self, name: str) -> str:
        """Return the gradient of a node; no derivative of the output where more than 1 arrives there."""
        return self.local(self.output, name) if self.upstream == 1 else f"gradient of {name}"

    def local(self, user: str, name: str, held: str = "") -> str:
        """Return a local derivative. held: what stands behind its symbol."""
        d = "∂" if self.unicode else "d"
        return f"{d}{user}/{d}{name}{held}"

    def second(self, output: str, a: str, b: str) -> str:
        """Return the second derivative of the output."""
        if not self.unicode:
            return f"d^2{output}/d{a}d{b}" if a != b else f"d^2{output}/d{a}^2"
        return f"∂²{output}/∂{a}∂{b}" if a != b else f"∂²{output}/∂{a}²"

    def derivative(self, of: str, name: str, held: str = "") -> str:
        """Return the derivative of a derivative. held: what stands behind its symbol."""
        d = "∂" if self.unicode else "d"
        return f"{d}({of})/{d}{name}{held}"

    def change(self, name: str) -> str:
        """Return how far a node moves."""
        return f"Δ{name}" if self.unicode else f"change of {name}"

    def product(self, factors: Iterable[str]) -> str:
        return (" · " if self.unicode else " * ").join(factors)

    def factor(self, formula: str) -> str:
        """Return a local derivative as a factor between dots: 2(a − y), (1 + z), x."""
        shown = self.expression(formula)
        if SIMPLE.fullmatch(formula) and shown[0] not in "-−":
            return shown
        close = _CLOSE.sub(r"\1", formula) if self.unicode else formula
        return self.expression(close) if _PRODUCT.fullmatch(close) else self.group(shown)

    def group(self, text: str) -> str:
        return f"({text})"

    def words(self, text: str) -> str:
        return text

    def inline(self, formula: str) -> str:
        """Return a formula among words."""
        return self.expression(formula)

    def reason(self, text: str) -> str:
        """Return a sentence in whose words formulas may stand."""
        return text


class MathPen(TextPen):
    """Writes mathematics as LaTeX."""

    def number(self, x: float) -> str:
        return number_latex(number_text(x, self.digits))

    def name(self, name: str) -> str:
        return name_latex(name)

    def expression(self, text: str) -> str:
        # What stands behind c of c#1 would be read as a comment.
        found = None if "#" in text else expression_latex(text)
        return rf"\texttt{{{escape(text)}}}" if found is None else found

    def gradient(self, name: str) -> str:
        if self.upstream == 1:
            return self.local(self.output, name)
        return rf"\mathrm{{gradient}}\left({name_latex(name)}\right)"

    def local(self, user: str, name: str, held: str = "") -> str:
        fraction = rf"\frac{{\partial {name_latex(user)}}}{{\partial {name_latex(name)}}}"
        return rf"\left.{fraction}\right{mark_latex(held)}" if held else fraction

    def second(self, output: str, a: str, b: str) -> str:
        below = [rf"\partial {name_latex(name)}" for name in (a, b)]
        under = rf"\partial {name_latex(a)}^2" if a == b else r"\,".join(below)
        return rf"\frac{{\partial^2 {name_latex(output)}}}{{{under}}}"

    def derivative(self, of: str, name: str, held: str = "") -> str:
        whole = rf"\frac{{\partial}}{{\partial {name_latex(name)}}}\left({of}\right)"
        return rf"\left.{whole}\right{mark_latex(held)}" if held else whole

    def change(self, name: str) -> str:
        return rf"\Delta {name_latex(name)}"

    def product(self, factors: Iterable[str]) -> str:
        return r" \cdot ".join(factors)

    def factor(self, formula: str) -> str:
        # What is written side by side is a product; a sum, or what begins with a sign, is put in parentheses.
        shown = self.expression(formula)
        if _PRODUCT.fullmatch(_CLOSE.sub(r"\1", formula)):
            return shown.replace(r" \cdot \left(", r"\left(", 1)
        return self.group(shown) if formula[0] == "-" or is_sum(formula) else shown

    def group(self, text: str) -> str:
        return rf"\left({text}\right)"

    def words(self, text: str) -> str:
        return rf"\text{{ {text}}}"

    def inline(self, formula: str) -> str:
        return f"{MATHS}{self.expression(formula)}{MATHS}"

    def reason(self, text: str) -> str:
        return _FORMULA.sub(lambda found: self._formula(found[0]), text)

    def _formula(self, text: str) -> str:
        """Return a piece of a sentence as mathematics, as it is where it can't be read as that."""
        is_whole = text.count("(") == text.count(")")
        found = expression_latex(text) if is_whole else None
        return text if found is None else f"{MATHS}{found}{MATHS}"


def grouped(text: str, pen: TextPen) -> str:
    """Return a factor or a term, in parentheses where it has a sign."""
    return pen.group(text) if text[0] in "-−" else text


def is_relation(symbols: str) -> bool:
    """Tell whether what a node computes is a condition."""
    return bool(_RELATION.search(symbols))
