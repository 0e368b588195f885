"""The laws by which straight-line code gets shorter: a law a line.

A law says that a term may be replaced by another one, and how far the two agree. The letters: x and y are
any operands, c, d, e numbers that are known, k a power of two, p, q conditions. The first law that fits
is taken; sums, products, ``both`` and ``either`` fit either way round.
"""

from __future__ import annotations

from enum import IntEnum
from itertools import chain
from math import frexp, isfinite
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.compile.registers import COMMUTATIVE, kind
from backprop_cli.compile.terms import Apply, Known, Letter, Term, call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from backprop_cli.compile.registers import Code, Operand


class Holds(IntEnum):
    """Where both sides of a law agree, from always to often."""

    BITS = 0
    """At all doubles, bit for bit; NaN is NaN."""
    VALUES = 1
    """At all doubles, but for the sign of zero, and some ulps."""
    RANGE = 2
    """Likewise, where numbers on the way are finite and none overflows or underflows."""


class Law(NamedTuple):
    """``left`` may be replaced by ``right``.

    ulps: by how many units in the last place the results may differ.  when(code, found): what else must be
    so of the operands that were found for the letters.
    """

    left: Apply
    right: Term
    holds: Holds = Holds.BITS
    ulps: float = 0.0
    when: Callable[[Code, dict[str, Operand]], bool] | None = None


def is_power_of_two(number: float) -> bool:
    """Tell whether a number is a power of two, of either sign, far from overflow and underflow."""
    return 1e-100 < abs(number) < 1e100 and abs(frexp(number)[0]) == 0.5


def _is_finite_product(_code: Code, found: dict[str, Operand]) -> bool:
    return isfinite(found["k"] * found["c"])  # type: ignore[arg-type]


def _is_reciprocal_there(code: Code, found: dict[str, Operand]) -> bool:
    # It is there for the slopes of a quotient; a product with it is five times as fast.
    return code.has("div", 1.0, found["y"])


def _laws() -> tuple[Law, ...]:
    x, y, p, q = map(Letter, "xypq")
    c, d, e = (Letter(name, lambda _number: True) for name in "cde")
    k = Letter("k", is_power_of_two)
    values, in_range = Holds.VALUES, Holds.RANGE

    def where(condition: Term | bool, a: Term | float, b: Term | float) -> Apply:
        return call("where", condition, a, b)

    is_zero = call("eq", x, 0.0)
    table: tuple[tuple[object, ...], ...] = (
        # sums
        (x + x, x * 2.0),
        (x + 0.0, x, values),
        (x + -y, x - y),
        (where(p, x, 0.0) + where(p, 0.0, y), where(p, x, y), values),
        (where(p, c, d) + e, where(p, c + e, d + e)),
        # differences
        (x - 0.0, x, values),
        (x - -y, x + y),
        # products; a number stands last
        (x * 1.0, x),
        (x * -1.0, -x),
        (-x * c, x * -c),
        (x * k * c, x * (k * c), in_range, 0.0, _is_finite_product),
        (where(p, c, d) * e, where(p, c * e, d * e)),
        (where(p, 1.0, 0.0) * x, where(p, x, 0.0), in_range),
        (where(p, 0.0, 1.0) * x, where(p, 0.0, x), in_range),
        # quotients
        (call("ratio", x, y), x / y, in_range),
        (x / k, x * (1.0 / k)),
        (x / y, x * (1.0 / y), in_range, 1.5, _is_reciprocal_there),
        # signs
        (call("neg", -x), x),
        (-(x - y), y - x, values),
        (-(x * c), x * -c),
        (call("abs", -x), call("abs", x)),
        (call("abs", x * c), call("abs", x) * call("abs", c)),
        (call("abs", call("abs", x)), call("abs", x)),
        # powers: products of up to three factors are right to 1.5 ulp; a power costs ten times as much
        (x**0.0, Known(1.0)),
        (x**1.0, x),
        (x**2.0, x * x, values, 1.0),
        (x**3.0, x * x * x, values, 2.0),
        (x**4.0, (x * x) ** 2.0, values, 3.0),
        (x**0.5, call("sqrt", x), in_range, 1.0),
        (x**-0.5, 1.0 / x**0.5, values, 2.0),
        (x**-1.0, 1.0 / x, values, 1.0),
        (x**-2.0, 1.0 / x**2.0, in_range, 2.0),
        # conditions
        (call("both", p, p), p),
        (call("both", p, True), p),
        (call("both", p, False), Known(False)),
        (call("either", p, p), p),
        (call("either", p, True), Known(True)),
        (call("either", p, False), p),
        (call("both", p, call("either", p, q)), p),
        (call("both", p, call("either", q, p)), p),
        (call("either", p, call("both", p, q)), p),
        (call("either", p, call("both", q, p)), p),
        (call("either", p, call("not", p)), Known(True)),
        (call("both", p, call("not", p)), Known(False)),
        # decisions
        (where(True, x, y), x),
        (where(False, x, y), y),
        (where(p, True, q), call("either", p, q)),
        (where(p, False, q), call("both", call("not", p), q)),
        (where(p, q, True), call("either", call("not", p), q)),
        (where(p, q, False), call("both", p, q)),
        (where(p, x, x), x),
        # what comes out of 0 as 0 by itself
        (where(is_zero, 0.0, x), x, values),
        (where(is_zero, 0.0, x * c), x * c, in_range),
        (where(is_zero, 0.0, x * x), x * x, values),
        (where(is_zero, 0.0, x * x * c), x * x * c, in_range),
        (where(is_zero, 0.0, x * x * x), x * x * x, values),
        (where(is_zero, 0.0, x * x * x * c), x * x * x * c, in_range),
    )
    return tuple(Law(*law) for law in table)  # type: ignore[arg-type]


LAWS: tuple[Law, ...] = _laws()


class Laws:
    """Some of the laws, to be tried on an instruction. holds: the least that they must keep."""

    def __init__(self, holds: Holds) -> None:
        chosen = (law for law in LAWS if law.holds <= holds)
        self._laws = tuple(chain.from_iterable(map(_either_way, chosen)))
        self._fitting: dict[tuple[str, ...], tuple[Law, ...]] = {}

    def simplify(self, code: Code, name: str, args: tuple[Operand, ...]) -> Operand | None:
        """Return what an instruction comes to more simply, or None."""
        for law in self._that_may_fit(name, *map(kind, args)):
            found: dict[str, Operand] = {}
            if law.left.args_fit(args, found) and (law.when is None or law.when(code, found)):
                return law.right.build(code, found)
        return None

    def _that_may_fit(self, name: str, *kinds: str) -> tuple[Law, ...]:
        """Return the laws about such an instruction. Most have none, so it is worth to remember them."""
        key = (name, *kinds)
        fitting = self._fitting.get(key)
        if fitting is None:
            fitting = self._fitting[key] = tuple(_about(name, kinds, self._laws))
        return fitting


def _either_way(law: Law) -> list[Law]:
    args = law.left.args
    if law.left.name not in COMMUTATIVE or args[0] == args[-1]:
        return [law]
    return [law, law._replace(left=Apply(law.left.name, args[::-1]))]


def _about(name: str, kinds: tuple[str, ...], laws: Iterable[Law]) -> Iterable[Law]:
    for law in laws:
        if law.left.name == name and all(
            term.may_be(kind) for term, kind in zip(law.left.args, kinds, strict=True)
        ):
            yield law
