"""Special functions: how mpmath is asked for them, and what their series need.

Formulas: DLMF 5.2 and 5.15 (gamma, polygamma), 10.6 (Bessel), 4.13 (Lambert), 7.17 (inverse error function).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.operations.op import Namespace, Number

_GUARD = 8
_TAIL = 2.0**-20
_POSITIVE = frozenset(("gamma", "lgamma", "polygamma"))
_OF_MPMATH: dict[str, Callable[..., Number]] = {
    "gamma": lambda mp, x: mp.gamma(x),
    "lgamma": lambda mp, x: mp.loggamma(x),
    "polygamma": lambda mp, n, x: mp.psi(int(n), x),
    "besselj": lambda mp, n, x: mp.besselj(int(n), x),
    "lambertw": lambda mp, x: mp.lambertw(x),
    "erfinv": lambda mp, x: mp.erfinv(x),
    "norminv": lambda mp, p: _normal_quantile(mp, p),
}
LARGEST_ORDER = 100
"""Far beyond, mpmath's series converge slowly or not at all."""
BEYOND = "*"
"""Behind a name: of any order, which slopes need."""


def _normal_quantile(mp: Any, p: Number) -> Number:
    """Return √2·erf⁻¹(2p - 1), to all digits where p is small."""
    if 0 < p < _TAIL:
        return _quantile_of_tail(mp, p)
    with mp.extraprec(-2 * min(mp.mag(p), 0)):
        return mp.sqrt(2) * mp.erfinv(2 * p - 1)


def _quantile_of_tail(mp: Any, p: Number) -> Number:
    """Return where log Φ is log p: from below, Newton's steps never pass the root of a concave function.

    At 1e-300 erf⁻¹ would take 2,000 more bits and 0.1 s; this takes 1 ms.
    """
    y = -mp.sqrt(-2 * mp.log(p))  # Φ(y) < exp(-y²/2)
    while True:
        tail = mp.erfc(-y / mp.sqrt(2)) / 2
        step = mp.log(tail / p) * tail * mp.sqrt(2 * mp.pi) * mp.exp(y * y / 2)
        y -= step
        # The digits double: the step after this one is beyond the last of them.
        if mp.mag(step) < mp.mag(y) - mp.prec // 2 - _GUARD:
            return y


def value(mp: Any, name: str, *xs: Number) -> Number:
    """Return a special function in the digits of mp. Raises ValueError outside its domain."""
    *orders, x = xs
    largest = math.inf if name.endswith(BEYOND) else LARGEST_ORDER
    name = name.removesuffix(BEYOND)
    if any(n != int(n) or abs(n) > largest or (n < 0 and name in _POSITIVE) for n in orders):
        raise ValueError("no such order")
    if name in _POSITIVE and x <= 0:
        raise ValueError("outside the real domain")
    extra = _GUARD
    while True:
        with mp.extraprec(extra):
            y = _OF_MPMATH[name](mp, *xs)
        if not isinstance(y, mp.mpf) or not mp.isfinite(y):
            raise ValueError("outside the real domain")
        # mpmath's digits may be those of the terms: near a zero more of them are taken.
        wanted = _GUARD - mp.mag(y) if y else 0
        if not extra < wanted < 3 * mp.prec:
            return +y
        extra = wanted


def derivative(special: Callable[..., Any], k: int, name: str, *xs: Any) -> Any:
    """Return 2ᵏ times the k-th derivative of log Γ, ψ⁽ⁿ⁾ or Jₙ, from what ``special(name, *xs)`` gives."""
    *orders, x = xs
    if name == "lgamma":
        return special("polygamma*", k - 1, x) * 2**k if k else special("lgamma", x)
    (n,) = orders
    if name == "polygamma":
        return special("polygamma*", n + k, x) * 2**k
    terms = [special("besselj*", n - k + 2 * i, x) * ((-1) ** i * math.comb(k, i)) for i in range(k + 1)]
    return sum(terms[1:], start=terms[0])


SLOPES: dict[str, Callable[[Namespace, Number], Number]] = {
    # 1/(x + exp(W)) and W/(x(1 + W)) cancel, near -1/e and at 0.
    "lambertw": lambda m, y: m.exp(-y) / (m.one + y),
    "erfinv": lambda m, y: m.exp(y * y) * m.sqrt(m.pi) / 2,
    "norminv": lambda m, y: m.exp(y * y / 2) * m.sqrt(m.pi * 2),
}
"""The slopes of functions that are inverses, by their values."""
