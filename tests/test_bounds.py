"""The bounds of single operations, to the last bit: neither smaller than is true, nor larger than is needed.

What they are to be is computed here in plain numbers of many digits, not in logarithms.
"""

from __future__ import annotations

import itertools
import math
import random
from fractions import Fraction

import mpmath
import pytest

from backprop_cli.operations.bounded import (
    Bounded,
    _is_ratio,
    _times,
    add_logs,
    bounded_floats,
    bounded_reals,
    log2_size,
)
from backprop_cli.operations.reals import LEAST_BITS

MP = mpmath.mp.clone()
MP.dps = 400
INF = math.inf
REALS = bounded_reals(30)
FLOATS = bounded_floats()
UNIT = MP.mpf(10) ** -39  # nine guard digits


def of(value, error=-INF, m=REALS, scale=-INF):
    return Bounded(m.base.number(value), error, m, scale)


def plain(logarithm):
    """Return 2**logarithm."""
    return MP.mpf(2) ** logarithm if logarithm > -INF else MP.mpf(0)


def log2(x):
    return float(MP.log(x, 2)) if x else -INF


def same(logarithm, x):
    """Tell whether a logarithm is that of a number."""
    expected = log2(x)
    return logarithm == expected or abs(logarithm - expected) < 1e-9


# ---- logarithms ----


@pytest.mark.parametrize("x", [1.0, -8.0, 0.3, 5e-324, 1.7e308, 3])
def test_the_logarithm_of_a_size(x):
    assert log2_size(x) == pytest.approx(math.log2(abs(x)), abs=1e-12)
    assert log2_size(MP.mpf(x)) == pytest.approx(math.log2(abs(x)), abs=1e-12)


@pytest.mark.parametrize("x", [0.0, MP.mpf(0), INF, -INF, math.nan, MP.inf, MP.nan])
def test_the_logarithm_of_what_is_no_size(x):
    assert log2_size(x) == (INF if x else -INF)


@pytest.mark.parametrize("apart", [0.0, 1e-3, 1.0, 20.0, 52.0, 59.0])
@pytest.mark.parametrize("low", [-2000.0, -3.5, 0.0, 700.0])
def test_sums_of_logarithms(low, apart):
    for a, b in ((low, low + apart), (low + apart, low)):
        assert add_logs(a, b) == pytest.approx(log2(plain(a) + plain(b)), rel=1e-15, abs=1e-15)
        assert add_logs(a, b) >= low + apart


@pytest.mark.parametrize("a", [-INF, -5.0, 0.0, INF])
def test_sums_of_logarithms_of_nothing_and_of_anything(a):
    assert add_logs(a, -INF) == add_logs(-INF, a) == a
    assert add_logs(a, INF) == add_logs(INF, a) == add_logs(float("inf"), a) == INF
    assert _times(a, -INF) == _times(float("-inf"), a) == -INF  # 0 times infinity is 0


# ---- arithmetic ----

ERRORS = [-INF, -90.0, -20.0, 1.0]


def operands(chance, m):
    for error, other in itertools.product(ERRORS, ERRORS):
        for _ in range(3):
            x, y = (chance.uniform(-1, 1) * 2.0 ** chance.randint(-30, 30) for _ in range(2))
            if m is REALS:
                x, y = m.base.number(x) / 3, m.base.number(y) / chance.choice([1, 7])
            yield of(x, error, m), of(y, other, m)


def rounding(m, found, exact):
    """Return the error of one rounding to what was found, in numbers of m."""
    if m is REALS:
        return UNIT * abs(found) if found != exact else MP.mpf(0)
    return plain(-53) * abs(found)


@pytest.mark.parametrize("m", [REALS, FLOATS], ids=["reals", "doubles"])
def test_bounds_of_sums_and_products_are_what_rounding_does_to_them(m):
    for x, y in operands(random.Random(3), m):
        a, b, ea, eb = MP.mpf(x.value), MP.mpf(y.value), plain(x.error), plain(y.error)
        for found, exact, carried in (
            (x + y, a + b, ea + eb),
            (x - y, a - b, ea + eb),
            (x * y, a * b, abs(a) * eb + abs(b) * ea + ea * eb),
        ):
            value = MP.mpf(found.value)
            least, most = carried + rounding(m, value, exact), carried + rounding(m, value, None)
            assert same(found.error, least) or same(found.error, most)
            assert abs(value - exact) <= most


@pytest.mark.parametrize("m", [REALS, FLOATS], ids=["reals", "doubles"])
def test_bounds_of_quotients_are_what_rounding_does_to_them(m):
    decided = 0
    for x, y in operands(random.Random(4), m):
        found = x / y
        if not y.is_exact and abs(MP.mpf(y.value)) <= 2 * plain(y.error):
            assert found.error == INF  # the divisor may be 0
            continue
        decided += 1
        exact = MP.mpf(x.value) / MP.mpf(y.value)
        carried = 2 * (plain(x.error) + abs(exact) * plain(y.error)) / abs(MP.mpf(y.value))
        assert same(found.error, carried + rounding(m, MP.mpf(found.value), exact))
    assert decided > 20
    assert (of(1.0, m=m) / of(1.0, -0.5, m=m)).error == INF  # 0.29 at least, if that
    assert (of(1.0, m=m) / of(1.0, -1.0, m=m)).error == INF
    assert (of(1.0, m=m) / of(1.0, -1.5, m=m)).error < INF


@pytest.mark.parametrize(
    ("x", "y", "signs"),
    [
        (3.0, 0.75, "+-*/"),
        (2.0**67, 2.0**-67, "+-*/"),
        (2.0**68, 2.0**-68, "*/"),  # one bit more than there are, of 136
        (1.0, 3.0, "+-*"),
        (2.0**67 + 2.0**20, 7.0, "+-*"),
        (0.1, 0.1, "+-*/"),
        (0.0, 0.3, "+-*/"),
        (0.3, 1.0, "+-*/"),
    ],
)
def test_arithmetic_is_exact_just_where_nothing_is_rounded(x, y, signs):
    assert (of(y) + of(x)).is_exact == ("+" in signs)
    for sign, found in {
        "+": of(x) + of(y),
        "-": of(x) - of(y),
        "*": of(x) * of(y),
        "/": of(x) / of(y),
    }.items():
        fraction = {
            "+": Fraction.__add__,
            "-": Fraction.__sub__,
            "*": Fraction.__mul__,
            "/": Fraction.__truediv__,
        }
        true = fraction[sign](Fraction(x), Fraction(y))
        assert found.is_exact == (sign in signs), sign
        assert not found.is_exact or _is_ratio(found.value, true)
        assert found.is_exact or same(found.error, UNIT * abs(MP.mpf(found.value)))


def test_sums_are_exact_where_all_their_digits_fit():
    chance = random.Random(5)
    exact = 0
    for _ in range(400):
        x, y = (math.ldexp(chance.randint(-(2**53), 2**53), chance.randint(-60, 60)) for _ in range(2))
        found, true = of(x) + of(y), Fraction(x) + Fraction(y)
        low = min(math.frexp(z)[1] for z in (x, y)) - 53
        high = max(math.frexp(z)[1] for z in (x, y))
        exact += found.is_exact
        assert not found.is_exact or _is_ratio(abs(found.value), abs(true))
        assert found.is_exact or high - low >= 136
    assert 200 < exact < 400


def test_sums_of_subnormals_are_exact_and_products_that_vanish_are_not():
    least = of(5e-324, m=FLOATS)
    assert (least + least).is_exact
    assert (least - of(1e-310, m=FLOATS)).is_exact
    assert (of(1e-308, m=FLOATS) + least).error == log2_size(1e-308) - 53 or (
        of(1e-308, m=FLOATS) + least
    ).is_exact
    assert (of(3e-308, m=FLOATS) + least).error == log2_size(3e-308) - 53
    for y in (least * least, least / of(3.0, m=FLOATS), of(1e-310, m=FLOATS) * of(0.1, m=FLOATS)):
        assert y.error == -1075
    for y in (of(0.0, m=FLOATS) * least, least * of(0.0, m=FLOATS), of(0.0, m=FLOATS) / least):
        assert y.is_exact


def test_a_number_less_itself_is_nothing_and_times_one_is_itself():
    x = of(0.1, -20.0)
    assert ((x - x).value, (x - x).error) == (0, -INF)
    assert x * 1.0 is x
    assert (x * of(1.0, -20.0)).error > -20.0
    assert (x * -1.0).value == -x.value
    assert (-x).error == x.error
    assert (2.0 - x).value == 2 - x.value
    assert (1.0 / of(4.0)).value == 0.25
    assert (3.0 + of(4.0)).value == 7
    assert (3.0 * of(4.0)).value == 12
    assert of(2.0) == of(2.0, -5.0) == 2.0
    assert of(2.0) != 3.0
    assert of(3.0) != 2.0
    for m in (REALS, FLOATS):
        assert m.div(of(6.0, m=m), of(4.0, m=m)).value == 1.5
    assert REALS.ratio(of(6.0), of(4.0)).value == 1.5
    assert (REALS.ratio(of(6.0), of(0.0)).value, REALS.ratio(of(-6.0), of(0.0)).value) == (INF, -INF)


# ---- what a number says of itself ----


@pytest.mark.parametrize(
    ("x", "error", "exact", "uncertainty", "noise"),
    [
        (8.0, -INF, True, -INF, False),
        (8.0, -17.0, False, -20.0, False),
        (8.0, 1.0, False, -2.0, True),
        (8.0, 0.999, False, -2.001, False),
        (0.0, -INF, True, -INF, True),
        (0.0, -30.0, False, INF, True),
    ],
)
def test_what_a_number_says_of_its_error(x, error, exact, uncertainty, noise):
    y = of(x, error)
    assert (y.is_exact, y.uncertainty, y.is_noise) == (exact, pytest.approx(uncertainty), noise)
    assert bool(y) == (not exact or x != 0)


def test_the_scale_is_the_size_but_of_noise():
    assert of(8.0, -17.0, scale=50.0).scale == 3
    assert of(8.0, 2.0, scale=50.0).scale == 50
    # To ten digits of its terms.
    for scale, is_rounding in ((40.0, True), (36.3, True), (36.1, False), (3.0, False)):
        assert of(8.0, 1.0, scale=scale).is_rounding == is_rounding
    assert not of(8.0, 0.5, scale=40.0).is_rounding
    assert of(math.nan).error == INF


def test_scales_of_sums_quotients_and_products():
    clear, noise, more = of(8.0, -90.0), of(2.0**-20, -21.0, scale=5.0), of(2.0**-20, -20.0, scale=7.0)
    assert (noise + more).scale == pytest.approx(log2(plain(5) + plain(7)))
    assert (noise - more).scale == pytest.approx(log2(plain(5) + plain(7)))
    assert (clear + noise).scale == log2_size((clear + noise).value)
    hidden = clear - of(8.0, -90.0)  # nothing is left of two terms
    assert (hidden.value, hidden.scale) == (0, 4)
    assert (noise * clear).scale == 5  # never magnified
    assert (noise * of(0.25, -90.0)).scale == 3
    assert (noise * more).scale == 5
    assert (noise / of(0.25, -90.0)).scale == 5
    assert (noise / clear).scale == 2
    wide = of(2.0**-20, -21.0, scale=5.0) + of(2.0**-40, -90.0)
    assert wide.scale == log2_size(2.0**-40) or wide.scale > -40


# ---- functions ----

EXACT_AT = [
    ("pow", (0.0, 2.5), True),
    ("pow", (1.0, 0.1), True),
    ("pow", (0.1, 0.0), True),
    ("pow", (0.1, 1.0), True),
    ("pow", (3.0, 2.0), True),
    ("pow", (3.0, 68.0), True),
    ("pow", (3.0, 69.0), False),
    ("pow", (2.0, 99.0), True),
    ("pow", (2.0, 100.0), False),
    ("pow", (4.0, 0.5), False),
    ("pow", (4.0, 2.5), False),
    ("pow", (3.0, -1.0), False),
    ("sqrt", (6.25,), True),
    ("sqrt", (2.0,), False),
    ("sqrt", (0.1,), False),
    ("exp", (0.0,), True),
    ("exp", (1.0,), False),
    ("cos", (0.0,), True),
    ("cosh", (0.0,), True),
    ("cosh", (1.0,), False),
    ("erfc", (0.0,), True),
    ("erfc", (1.0,), False),
    ("sin", (0.0,), True),
    ("sin", (1.0,), False),
    ("log", (1.0,), True),
    ("log", (2.0,), False),
    ("hypot", (0.0, 3.0), True),
    ("hypot", (3.0, 0.0), True),
    ("hypot", (3.0, 4.0), False),
    ("atan2", (0.0, 3.0), True),
    ("atan2", (3.0, 0.0), False),
    ("abs", (-0.1,), True),
    ("sign", (-0.1,), True),
    ("floor", (2.5,), True),
    ("ceil", (2.5,), True),
]


@pytest.mark.parametrize(("name", "xs", "exact"), EXACT_AT)
def test_a_function_is_exact_where_it_is_known_to_be(name, xs, exact):
    y = getattr(REALS, name)(*map(of, xs))
    assert y.is_exact == exact
    # Else off by four units of what it is.
    assert exact or same(y.error, 4 * UNIT * abs(MP.mpf(y.value)))


@pytest.mark.parametrize(
    "name", ["exp", "log", "sqrt", "atan", "sinh", "cosh", "tanh", "cbrt", "erf", "sin", "cos"]
)
@pytest.mark.parametrize("error", [-80.0, -12.0, -3.0])
@pytest.mark.parametrize("at", [1.3, -0.7])
def test_a_function_moves_as_far_as_at_the_ends_of_its_operand(name, error, at):
    x = of(abs(at) if name in ("log", "sqrt") else at, error)
    y = getattr(REALS, name)(x)
    function = getattr(REALS.base, name)
    moves = [abs(MP.mpf(function(x.value + sign * plain(error))) - MP.mpf(y.value)) for sign in (-1, 1)]
    expected = log2(max(moves) + 4 * UNIT * abs(MP.mpf(y.value)))
    # An end is rounded up to 24 bits.
    assert expected <= y.error + 1e-9 <= expected + 1e-5


@pytest.mark.parametrize("error", [-130.3, -134.7, -135.4, -136.6, -150.1, -300.2])
@pytest.mark.parametrize(
    ("name", "at"), [("log", 1.0), ("floor", 1.0), ("ceil", 1.0), ("abs", 1.0), ("abs", -3.0)]
)
def test_a_bound_below_the_last_bit_is_carried_on(name, at, error):
    """A number has 136 bits here, and the ends of its interval may need more."""
    found = getattr(REALS, name)(of(at, error))
    assert error <= found.error
    assert name == "log" or found.error == {"abs": error}.get(name, 0.0)


@pytest.mark.parametrize("n", [n for n in range(2, 60) if math.isqrt(n) ** 2 != n])
def test_no_root_of_a_whole_number_but_of_a_square_is_exact(n):
    assert not REALS.sqrt(of(float(n))).is_exact
    assert REALS.sqrt(of(float(n * n))).is_exact


def test_a_root_that_is_rounded_to_a_short_number_is_not_exact():
    for bits in (40, 60, 67):
        whole = REALS.base.number(2**bits + 1)
        assert REALS.sqrt(of(whole * whole)).is_exact
    below = REALS.base.number(1.5625) - REALS.base.mp.ldexp(1, -135)
    assert below < 1.5625
    assert REALS.base.sqrt(below) == 1.25
    assert not REALS.sqrt(of(below)).is_exact


@pytest.mark.parametrize(
    ("x", "error", "bits"),
    [
        (1.0, -100.0, 0),
        (1.0, -112.0, 0),
        (1.0, -136.0, 24),
        (1.0, -160.5, 49),
        (8.0, -160.0, 51),
        (1.0, -2000.0, 256),
    ],
)
def test_ends_of_intervals_have_the_bits_that_they_take(x, error, bits):
    assert REALS._bits_beyond(of(x, error)) == bits
    assert (
        REALS._bits_beyond(of(x))
        == REALS._bits_beyond(of(0.0, error))
        == REALS._bits_beyond(of(INF, 3.0))
        == 0
    )
    with REALS.base.mp.extraprec(bits):
        low, high = REALS._ends(of(x, error))
        assert low < x < high
        step = plain(max(error, log2(x) - 136 - 256 + 24))
        assert max(high - x, x - low) <= (step if bits else 2 * step) * (1 + plain(-20))


@pytest.mark.parametrize("exponent", [-0.5, 0.3, 0.0, 7.0, 2.999, -136.6, -1e5 - 0.1])
def test_the_power_of_two_that_a_step_is_is_hardly_larger(exponent):
    step, unit = MP.mpf(REALS._power(exponent)), plain(math.floor(exponent) - 24)
    assert unit <= step - plain(exponent) + unit / 1000 <= 2 * unit
    assert REALS._power(-INF) == 0


@pytest.mark.parametrize("name", ["sin", "atan", "sinh", "exp", "expm1"])
@pytest.mark.parametrize(("error", "scale"), [(-29.0, 3.0), (-40.0, -3.0), (-31.0, -25.5)])
def test_noise_comes_through_a_function_as_large_as_it_moves(name, error, scale):
    x = of(2.0**-41, error, scale=scale)
    y = getattr(REALS, name)(x)
    function = getattr(REALS.base, name)
    assert x.scale == scale
    if name == "exp":
        assert y.scale == y.size  # it is no noise beside 1
        return
    far = log2(abs(MP.mpf(function(x.value + plain(scale))) - MP.mpf(y.value)))
    slope = scale + y.error - error
    assert y.scale == pytest.approx(min(scale, max(far, slope)), abs=1e-5)


def test_an_infinite_operand_is_no_noise():
    y = REALS.exp(of(-INF, 3.0))
    assert (y.value, y.scale) == (0, -INF)


def test_noise_moves_a_square_further_than_its_slope():
    x = of(2.0**-41, -29.0, scale=-3.0)
    y = REALS.pow(x, of(2.0))
    assert y.scale == pytest.approx(-6, abs=1e-5)


def test_noise_of_two_operands_is_added_up():
    x, y = of(2.0**-41, -29.0, scale=-3.0), of(2.0**-41, -29.0, scale=-4.0)
    alone = REALS.hypot(x, of(0.0)).scale
    both = REALS.hypot(x, y).scale
    assert alone == pytest.approx(-3, abs=1e-5)
    assert both == pytest.approx(log2(plain(-3) + plain(-4)), abs=1e-5)


def test_what_underflows_is_no_noise_of_terms():
    y = REALS.exp(of(-(2.0**50), 49.0, scale=50.0))
    assert (y.value, y.error, y.scale) == (0, LEAST_BITS + 1, LEAST_BITS + 1)


def test_a_function_of_two_moves_as_far_as_at_its_corners():
    x, y = of(1.3, -12.0), of(0.7, -9.0)
    for name in ("pow", "hypot", "atan2"):
        function = getattr(REALS.base, name)
        found = getattr(REALS, name)(x, y)
        moves = [
            abs(MP.mpf(function(x.value + i * plain(-12), y.value + j * plain(-9))) - MP.mpf(found.value))
            for i in (-1, 1)
            for j in (-1, 1)
        ]
        assert log2(max(moves)) <= found.error + 1e-9 <= log2(max(moves)) + 1e-5


@pytest.mark.parametrize(
    ("name", "xs", "error"),
    [
        ("sin", [(1.3, 0.0)], 1.0),  # over a part of a turn its ends say nothing
        ("cos", [(1.3, 3.0)], 1.0),
        ("tan", [(1.3, 0.0)], INF),
        ("tan", [(1.57079, -14.0)], INF),
        ("tan", [(1.58, -6.0)], INF),
        ("pow", [(1.0, 0.0), (-1.0, -INF)], INF),
        ("atan2", [(1.0, 0.0), (-1.0, -INF)], INF),
        ("pow", [(-2.0, -INF), (3.0, -90.0)], INF),
        ("pow", [(1e-9, -20.0), (-1.0, -INF)], INF),
        ("pow", [(1e-9, -20.0), (2.0, 2.0)], INF),
        ("pow", [(0.0, -INF), (2.5, -20.0)], -INF),
        ("atan2", [(1e-9, -20.0), (-1.0, -INF)], INF),
        ("atan2", [(1e-9, -20.0), (1.0, 1.0)], INF),
        ("log", [(1e-9, -20.0)], INF),
        ("floor", [(2.0, -20.0)], 0.0),
        ("floor", [(2.5, -20.0)], -INF),
        ("ceil", [(2.5, -0.5)], 0.0),
        ("sign", [(0.5, -2.0)], -INF),
        ("sign", [(0.5, -1.0)], 1.0),
        ("abs", [(0.5, -2.0)], -2.0),
        ("exp", [(1.0, INF)], INF),
    ],
)
def test_bounds_where_corners_mislead(name, xs, error):
    y = getattr(REALS, name)(*(of(*x) for x in xs))
    assert y.error == pytest.approx(error, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "xs"),
    [
        ("pow", [(1e-9, -10.0), (2.0, -INF)]),
        ("pow", [(-2.0, -20.0), (3.0, -INF)]),
        ("pow", [(2.0, -20.0), (-3.0, -20.0)]),
        ("atan2", [(1e-9, -20.0), (1.0, -20.0)]),
        ("atan2", [(0.5, -20.0), (-1.0, -20.0)]),
        ("tan", [(1.3, -20.0)]),
    ],
)
def test_bounds_where_corners_are_right(name, xs):
    assert -25 < getattr(REALS, name)(*(of(*x) for x in xs)).error < -10


def test_a_value_may_exist_within_the_bounds_of_its_operands():
    assert REALS.pow(of(-2.0), of(2.5, 1.0)).error == INF  # the exponent may be whole
    assert REALS.pow(of(-2.0), of(2.5, INF)).error == INF
    assert REALS.log(of(-(2.0**-30), -20.0)).error == INF
    assert REALS.pow(of(1.0, 5.0), of(2.0)).error == pytest.approx(math.log2(33**2 - 1), abs=1e-5)
    for name, xs in [
        ("pow", [(-2.0, -INF), (2.5, -20.0)]),
        ("log", [(-2.0, -20.0)]),
        ("sqrt", [(-2.0, 0.5)]),
    ]:
        with pytest.raises(ValueError, match="domain"):
            getattr(REALS, name)(*(of(*x) for x in xs))


def test_what_ends_at_its_limit_is_off_by_that():
    for y in (REALS.exp(of(-(2.0**50))), REALS.erfc(of(2.0**30)), REALS.pow(of(2.0), of(-(2.0**50)))):
        assert (y.value, y.error) == (0, LEAST_BITS)
    assert REALS.exp(of(-(2.0**50), 40.0)).error == LEAST_BITS + 1
    assert REALS.tanh(of(2.0**50)).error > LEAST_BITS
