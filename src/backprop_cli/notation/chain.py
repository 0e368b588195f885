"""Products and sums of local derivatives, as the chain rule makes them, written as a book would."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.language.binding import PRODUCT, SIGN, SUM, is_sum
from backprop_cli.notation.partials import partial_piece

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backprop_cli.language.binding import Piece
    from backprop_cli.operations.op import Op

_MOST_WHOLE = 10**9


class Product(NamedTuple):
    """A fraction of whole numbers times factors, each as it stands between signs of multiplication."""

    number: Fraction = Fraction(1)
    factors: tuple[str, ...] = ()


Sum = tuple[Product, ...]
ONE: Sum = (Product(),)


def partial_sum(op: Op, argnum: int, terms: Sequence[Piece]) -> Sum:
    """Return ∂y/∂x of an operand. terms: the operands as they stand in the formula of the node."""
    return sum_of(*partial_piece(op, argnum, terms))


def sum_of(text: str, binding: int = PRODUCT, number: float | None = None) -> Sum:
    """Return a formula to be multiplied and added. binding: how tightly it holds together, at least."""
    if text.isdecimal():
        number = float(text)
    if number is not None:
        return (Product(Fraction(number)),) if number else ()
    if binding <= SUM or is_sum(text):
        return (Product(Fraction(1), (f"({text})",)),)
    sign = Fraction(1)
    while text[0] == "-":
        sign, text = -sign, text[1:]
    return (_gathered(sign, _split(text, "*") if binding in (PRODUCT, SIGN) else [text]),)


def _gathered(number: Fraction, factors: Iterable[str]) -> Product:
    """Gather the whole numbers among factors in front, and those that they are divided by."""
    others = []
    for factor in factors:
        one, sign, other = factor.partition("/")
        if factor.isdecimal() and _is_small(number * int(factor)):
            number *= int(factor)
        elif sign and one == "1" and other.isdecimal() and int(other) and _is_small(number / int(other)):
            number /= int(other)
        else:
            others.append(factor)
    return Product(number, tuple(others))


def _is_small(number: Fraction) -> bool:
    return abs(number.numerator) < _MOST_WHOLE and number.denominator < _MOST_WHOLE


def times(left: Sum, right: Sum) -> Sum:
    """Return a product. A sum of several terms is a factor in parentheses."""
    if not left or not right:
        return ()
    one, other = _as_product(left), _as_product(right)
    if not _is_small(one.number * other.number):
        return (
            Product(one.number, (*one.factors, f"({_product_text(Product(other.number))})", *other.factors)),
        )
    return (Product(one.number * other.number, one.factors + other.factors),)


def plus(left: Sum, right: Sum) -> Sum:
    """Return a sum, equal terms added up: x + x is 2*x."""
    found: dict[frozenset[tuple[str, int]], Product] = {}
    for product in left + right:
        key = frozenset(Counter(product.factors).items())
        number = product.number + (found[key].number if key in found else 0)
        found[key] = Product(number, found[key].factors if key in found else product.factors)
    return tuple(product for product in found.values() if product.number)


def _as_product(terms: Sum) -> Product:
    return terms[0] if len(terms) == 1 else Product(Fraction(1), (f"({sum_text(terms)})",))


def sum_text(terms: Sum) -> str:
    """Return a sum in the language of programs: "2*(a - y) - x"."""
    if len(terms) == 1 and terms[0].number == 1 and len(terms[0].factors) == 1:
        (factor,) = terms[0].factors
        return factor[1:-1] if factor[0] == "(" and _closes_last(factor) else factor
    return " + ".join(map(_product_text, terms)).replace(" + -", " - ") or "0"


def _closes_last(text: str) -> bool:
    """Tell whether the parenthesis that a text begins with is closed at its end."""
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


def _product_text(product: Product) -> str:
    number, factors = product
    sign, whole = ("-" if number < 0 else ""), str(abs(number.numerator))
    parts = [] if whole == "1" else [whole]
    for factor, count in Counter(factors).items():
        parts += [f"{factor}^{count}"] if count > 1 and _is_single(factor) else [factor] * count
    parts += [] if number.denominator == 1 else [f"1/{number.denominator}"]
    parts = parts or [whole]
    return sign + parts[0] + "".join(part[1:] if part.startswith("1/") else f"*{part}" for part in parts[1:])


def _is_single(factor: str) -> bool:
    """Tell whether a factor is a name, a call or in parentheses, so that a power of it reads as one."""
    return not any(len(_split(factor, sign)) > 1 for sign in "^/*")


def _split(text: str, sign: str) -> list[str]:
    """Split a formula at a sign outside parentheses; a product with a quotient in it stays whole."""
    depth, parts, start = 0, [], 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0 and c == "/" and sign == "*":
            return _whole(text)
        if depth == 0 and c == sign:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def _whole(text: str) -> list[str]:
    """Return a product that has a quotient in it as one factor, less a whole number in front."""
    head, sign, rest = text.partition("*")
    return [head, rest] if sign and head.isdecimal() else [text]
