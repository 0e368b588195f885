"""Rules that several rows share, or that need more than a line: ties, corners of x**y, bells, cases."""

from __future__ import annotations

from functools import cache, lru_cache, partial
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from backprop_cli.operations.op import Namespace, Number, Partial

SHARES = "equal shares of the slope for operands that tie, 0 beside a constant: the subgradient of least norm"
STEP = "0, the slope on both sides; the value jumps"
VERTICAL = "the slope is infinite"


ORDER = "no derivative by the order, which is a whole number"


def zero_partial(m: Namespace, _y: Number, *_xs: Number) -> Number:
    """Return the partial of what is constant on both sides of a step, and of a condition."""
    return m.zero


def one_partial(m: Namespace, _y: Number, _x1: Number, _x2: Number) -> Number:
    """Return the partial of a term of a sum."""
    return m.one


def shares_of_best(
    m: Namespace, best: Number, xs: Sequence[Number], fixed: Sequence[Number], wanted: Iterable[int]
) -> list[Number]:
    """Return ∂best/∂x of the wanted operands where best is the max or the min of xs.

    Operands that tie share the slope of 1 equally: of all subgradients, the shortest. Beside a constant
    the shortest is 0, as in relu(0). ``fixed`` is 1 for constants and 0 for the others.
    """
    ties = [m.where(m.eq(x, best), m.one, m.zero) for x in xs]
    count, constants = m.zero, m.zero
    for tie, is_fixed in zip(ties, fixed, strict=True):
        count = count + tie
        constants = constants + tie * is_fixed
    alone = m.where(m.eq(count, m.one), m.one, m.zero)
    share = m.where(m.eq(constants, m.zero), m.one, alone)
    among = m.where(m.eq(count, m.zero), m.one, count)
    return [share * ties[argnum] / among for argnum in wanted]


def _share_of_best(
    m: Namespace, xs: Sequence[Number], fixed: Sequence[Number], argnum: int, best: Number
) -> Number:
    return shares_of_best(m, best, xs, fixed, (argnum,))[0]


def extremum_partials(fixed: Sequence[bool]) -> tuple[Partial, ...]:
    """Return the partials of max and min."""
    return _shares(tuple(fixed))


@lru_cache  # made anew for every node, they would cost a sweep an eighth
def _shares(fixed: tuple[bool, ...]) -> tuple[Partial, ...]:
    constants = [int(f) for f in fixed]

    def share(argnum: int, m: Namespace, y: Number, *xs: Number) -> Number:
        return _share_of_best(m, xs, constants, argnum, y)

    return tuple(partial(share, argnum) for argnum in range(len(fixed)))


def extremum_slopes(m: Namespace, y: Number, xs: Sequence[Number], fixed: Sequence[bool]) -> list[Number]:
    """Return all partials of max or min at once: each by itself looks at all operands."""
    return shares_of_best(m, y, xs, [int(f) for f in fixed], range(len(xs)))


def clip_partials(fixed: Sequence[bool]) -> tuple[Partial, ...]:
    """clip(x, lo, hi) is min(max(x, lo), hi), and its ties are theirs."""
    x_fixed, low_fixed, high_fixed = (int(f) for f in fixed)

    def outer(argnum: int, m: Namespace, y: Number, x: Number, low: Number, high: Number) -> Number:
        raised_fixed = m.where(m.gt(x, low), m.number(x_fixed), m.number(low_fixed))
        return _share_of_best(m, (m.max(x, low), high), (raised_fixed, high_fixed), argnum, y)

    def inner(argnum: int, m: Namespace, y: Number, x: Number, low: Number, high: Number) -> Number:
        share = _share_of_best(m, (x, low), (x_fixed, low_fixed), argnum, m.max(x, low))
        return share * outer(0, m, y, x, low, high)

    return partial(inner, 0), partial(inner, 1), partial(outer, 1)


def is_tie(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool], best: Number) -> Number:
    """Tell whether two operands or more, one of them no constant, are the best."""
    count, varying = m.zero, m.zero
    for x, is_fixed in zip(xs, fixed, strict=True):
        tie = m.where(m.eq(x, best), m.one, m.zero)
        count = count + tie
        varying = varying if is_fixed else varying + tie
    return m.both(m.gt(count, m.one), m.gt(varying, m.zero))


def clip_kink(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool]) -> Number:
    """Tell whether clip(x, lo, hi) is at a tie."""
    if all(fixed):
        return False
    x, low, high = xs
    raised = m.max(x, low)
    at_low = m.both(m.le(raised, high), is_tie(m, (x, low), fixed[:2], raised))
    at = m.either(at_low, is_tie(m, (raised, high), (False, fixed[2]), high))
    # Where nothing is between limits that are constants, it is the upper one everywhere.
    return m.both(m.lt(low, high), at) if fixed[1] and fixed[2] else at


def by_order(by_operand: Partial) -> Callable[[Sequence[bool]], tuple[Partial, ...]]:
    """Return the partials of a function of a whole order and an operand: none by the order."""

    def none(m: Namespace, _y: Number, _n: Number, _x: Number) -> Number:
        return m.nan

    return lambda fixed: (zero_partial if fixed[0] else none, by_operand)


def bessel_slope(m: Namespace, _y: Number, n: Number, x: Number) -> Number:
    """Return the derivative of Jₙ, (Jₙ₋₁ - Jₙ₊₁)/2. Source: DLMF 10.6.1."""
    return (m.special("besselj*", n - m.one, x) - m.special("besselj*", n + m.one, x)) / 2


def at_point(value: float) -> Callable[[Namespace, Sequence[Number], Sequence[bool]], Number]:
    """Return the kink of a function that has one at this operand."""
    return lambda m, xs, _fixed: m.eq(xs[0], m.number(value))


def pow_by_base(m: Namespace, _y: Number, x: Number, n: Number) -> Number:
    """∂(xⁿ)/∂x = n·x**(n - 1); at x = 0, for n < 1: infinite, for n = 0: 0."""
    corner = m.both(m.eq(x, m.zero), m.lt(n, m.one))
    at_corner = m.where(m.gt(n, m.zero), m.inf, m.zero)
    return m.where(corner, at_corner, m.power_slope(m.where(corner, m.one, x), n))


def pow_by_exponent(m: Namespace, y: Number, x: Number, n: Number) -> Number:
    """∂(xⁿ)/∂n = xⁿ·log x; 0 at x = 0 with n > 0; none for x < 0, where only integers n have a value."""
    at_zero = m.where(m.gt(n, m.zero), m.zero, m.nan)
    positive = m.gt(x, m.zero)
    return m.where(
        positive,
        y * m.log(m.where(positive, x, m.one)),
        m.where(m.eq(x, m.zero), at_zero, m.nan),
    )


def pow_kink(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool]) -> Number:
    """Tell whether x**n has a corner; see docs/decisions/0003-powers.md."""
    x, n = xs
    is_root = False if fixed[0] else m.where(m.is_integer(n), False, m.gt(n, m.zero))
    if fixed[1]:
        return m.both(m.eq(x, m.zero), is_root)
    return m.either(m.lt(x, m.zero), m.both(m.eq(x, m.zero), m.either(is_root, m.eq(n, m.zero))))


def gate_case(xs: Sequence[float], _terms: Sequence[str]) -> str:
    """Tell whether a ReLU is open."""
    if xs[0] > 0:
        return "the ReLU gate is open: the gradient passes"
    return "the ReLU gate is closed: the gradient is blocked"


def side_case(below: str) -> Callable[[Sequence[float], Sequence[str]], str]:
    """Return what tells on which side of 0 the operand is. below: what happens there."""
    return lambda xs, terms: (
        f"{terms[0]} > 0: the gradient passes" if xs[0] > 0 else f"{terms[0]} <= 0: {below}"
    )


def winner_case(best: Callable[[Sequence[float]], float], word: str) -> Callable[..., str]:
    """Return what tells which operands are the best."""

    def case(xs: Sequence[float], terms: Sequence[str]) -> str:
        winners = [term for x, term in zip(xs, terms, strict=True) if x == best(xs)]
        return f"{' and '.join(winners)} {'is' if len(winners) == 1 else 'are'} the {word}"

    return case


def clip_case(xs: Sequence[float], terms: Sequence[str]) -> str:
    """Tell whether the operand of a clip is between its limits."""
    x, low, high = xs
    if low < x < high:
        return f"{terms[0]} is between the limits: the gradient passes"
    return f"{terms[0]} is not between the limits: it is blocked"


def where_case(xs: Sequence[float], terms: Sequence[str]) -> str:
    """Tell which branch is taken."""
    return f"{terms[0]} {'holds' if xs[0] else 'does not hold'}: {terms[1 if xs[0] else 2]} is taken"


def sigmoid(m: Namespace, x: Number) -> Number:
    """Return 1/(1 + exp(-x)) without overflow: exp is only taken of -|x|."""
    e = m.exp(-m.abs(x))
    return m.where(m.ge(x, m.zero), m.one, e) / (m.one + e)


def logit(m: Namespace, x: Number) -> Number:
    """Return log(x/(1 - x)). Near 1/2 only 2·atanh(2x - 1) keeps its digits, near 0 only logarithms do."""
    quarter = m.one / 4
    middle = m.max(m.min(x * 2 - m.one, m.one / 2), -m.one / 2)
    ends = m.log(x) - m.log1p(-x)
    return m.where(m.lt(m.abs(x - m.one / 2), quarter), m.atanh(middle) * 2, ends)


def log_add_exp(m: Namespace, x: Number, y: Number) -> Number:
    """Return log(e^x + e^y); of two infinities that are equal the difference would be none."""
    apart = m.where(m.eq(x, y), m.zero, m.abs(x - y))
    return m.max(x, y) + m.log1p(m.exp(-apart))


def first_share(m: Namespace, x: Number, y: Number) -> Number:
    """Return e^x/(e^x + e^y), the sigmoid of x - y; its rounding alone would cost 350 ulp at -700."""
    difference, rest = m.difference(x, y)
    share = sigmoid(m, difference)
    return share + share * sigmoid(m, -difference) * rest


def log_cosh(m: Namespace, x: Number) -> Number:
    """Return log(cosh(x)): below 1 by 1 + 2·sinh²(x/2), beyond without the exponential that overflows."""
    size = m.abs(x)
    half = m.sinh(m.min(size, m.one) / 2)
    return m.where(
        m.lt(size, m.one), m.log1p(half * half * 2), (size - m.ln2) + m.log1p(m.exp(-(size + size)))
    )


def log_1m_exp(m: Namespace, x: Number) -> Number:
    """Return log(1 - exp(x)). Source: Mächler, Accurately Computing log(1 - exp(-|a|)), 2012."""
    near, far = m.max(x, -m.one), m.min(x, -m.one / 2)
    return m.where(m.gt(x, -m.ln2), m.log(-m.expm1(near)), m.log1p(-m.exp(far)))


def x_log_y(m: Namespace, x: Number, y: Number) -> Number:
    """Return x·log(y), and 0 where both are 0."""
    at_zero = m.both(m.eq(x, m.zero), m.eq(y, m.zero))
    return x * m.log(m.where(at_zero, m.one, y))


def to_nearest(m: Namespace, x: Number) -> Number:
    """Return the nearest whole number, of two the even one. Of |x|, what is above the floor is exact."""
    size = m.abs(x)
    low = m.floor(size)
    above = size - low
    even = m.floor((low + m.one) / 2) * 2
    nearest = m.where(m.gt(above, m.one / 2), low + m.one, m.where(m.lt(above, m.one / 2), low, even))
    return m.sign(x) * nearest


def is_halfway(m: Namespace, xs: Sequence[Number], _fixed: Sequence[bool]) -> Number:
    """Tell whether two whole numbers are equally near."""
    size = m.abs(xs[0])
    return m.eq(size - m.floor(size), m.one / 2)


def bell(m: Namespace, x: Number) -> Number:
    """Return 1/(e^x + e^-x)², a quarter of sech²; right in the tails, where 1 - tanh² is not.

    e(e + 2) + 1 keeps it below 2.2 ulp, (1 + e)² below 3.8.
    """
    e = m.exp(-(m.abs(x) + m.abs(x)))
    return e / (m.one + e * (e + 2))


def gelu_partial(m: Namespace, x: Number) -> Number:
    """Return Φ(x) + x·φ(x). In doubles 1/√(2π) is a third nearer to its value than √(2π)."""
    return m.normal_cdf(x) + x * m.gaussian(x, 0.5) * m.sqrt(m.one / (m.pi + m.pi))


def silu_partial(m: Namespace, x: Number) -> Number:
    """Return σ + xσ(1 - σ) over one denominator: as a sum of products it would be off by 5 ulp."""
    e = m.exp(-m.abs(x))
    top = m.where(m.ge(x, m.zero), m.one + e + x * e, e * (m.one + e + x))
    return top / (m.one + e * (e + 2))


def sinc(m: Namespace, x: Number) -> Number:
    """Return sin(x)/x, with its limits: 1 at 0, and 0 at infinity, where a sine has no value."""
    at_zero = m.eq(x, m.zero)
    sine = m.sin(m.where(m.eq(x - x, m.zero), x, m.one))
    return m.where(at_zero, m.one, sine / m.where(at_zero, m.one, x))


def sinc_partial(m: Namespace, x: Number) -> Number:
    """Return (cos x - sinc x)/x. Below 1, where that cancels, its series -x/3·(1 - x²/10·(1 - x²/28·(…))).

    The series ends where the rest is below 1/16 of the last bit: in doubles after 9 terms.
    Source: DLMF 10.53.1 for n = 1; the slope is minus the spherical Bessel function j₁.
    """
    is_near = m.lt(m.abs(x), m.one)
    near = m.where(is_near, x, m.zero)
    square, series = near * near, m.one
    for divisor in reversed(_sinc_divisors(m.bits)):
        series = m.one - square / divisor * series
    far = m.where(is_near, m.one, x)
    angle = m.where(m.eq(x - x, m.zero), far, m.one)
    return m.where(is_near, near * series / -3, (m.cos(angle) - m.sin(angle) / far) / far)


@cache
def _sinc_divisors(bits: int) -> tuple[int, ...]:
    """Return the ratios of the terms of the series, 2k(2k + 3), as many as the bits need for |x| < 1."""
    ratios = [10]
    while prod(ratios) < 2 ** (bits + 4):
        k = len(ratios) + 1
        ratios.append(2 * k * (2 * k + 3))
    return tuple(ratios)


def sympy_extremum(s: Any, xs: Sequence[Any], wins: Callable[[Any, Any], Any]) -> Any:
    """Fold max or min from two-way decisions: sympy's own Max asks its assumptions, for seconds."""
    best = xs[0]
    for x in xs[1:]:
        best = s.Piecewise((best, wins(best, x)), (x, True))
    return best
