"""Every row of the operation table: accurate, right by sympy, and true to what it says of itself."""

import math
import random
import re
from functools import cache
from itertools import product

import pytest
import sympy

from backprop_cli import DomainError, gradient
from backprop_cli.findings.kinks import sides_of_gradients
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import FUNCTIONS, OPS, TABLE
from larger_terms import larger_term, larger_term_of_value
from symbols import sympy_namespace

M = mpmath_namespace(60)
ULPS = 4  # what the table promises for values and partials


def constants_of(op):
    """Return which operands nobody differentiates by."""
    return [argnum < op.orders for argnum in range(op.arity)]


ROWS = [pytest.param(op, id=op.name) for op in TABLE]
PARTIALS = [
    pytest.param(op, argnum, id=f"{op.name}-{op.args[argnum]}")
    for op in TABLE
    for argnum in range(op.orders, op.arity)
]
INSIDE = [pytest.param(op, xs, id=f"{op.name}{xs}") for op in TABLE for xs in op.domain.inside]
OUTSIDE = [pytest.param(op, xs, id=f"{op.name}{xs}") for op in TABLE for xs in op.domain.outside]
KINKS = [(op.name, xs) for op in TABLE if op.kink for xs in op.kink.points]

EXTREMES = (
    *(5e-324, 1e-310, 1e-160, 1e-8, 0.5, 1 - 2**-53, 1 + 2**-52),
    *(20.0, 37.0, 40.0, 700.0, 745.0, 800.0, 1e154, 1e200, 1.7e308),
)
# Pairs that overflow or underflow on the way, and the points where a long search found the largest errors.
HARD = {
    "hypot": [(1e200, 1e200), (1e-170, 1e-170), (1e-320, 1e-320)],
    "atan2": [(1e-170, 1e-170), (1e160, 1e-3), (1e-3, 1e160), (1e-320, -1e-320)],
    "div": [(1e300, 1e-5), (1e-200, 1e200), (1e200, 1e200), (1e-310, 1e-310)],
    "pow": [
        *((1e-200, 1.7), (1e300, 1e-5), (1.0001, -7e6), (1e-160, 1e-300), (1e300, 0.3), (-3.0, -21.0)),
        *((0.9999999999999641, 1.2438984305880296e16), (5.9835888151954465e69, -1.4888469066933667e-15)),
    ],
    "cbrt": [(0.024985364128526595,), (-0.00039929709463537756,), (42.806204989624334,)],
    "silu": [(-17.42071574557049,), (-12.211454512539113,), (-1.2784645427610738,), (-1.29,)],
    "gelu": [
        (-0.7517915246935645,),
        (-0.7526935859460742,),
        (-18.426279063792116,),
        (-2.965267962163114,),
        (-38.4,),
    ],
    "sinc": [(5e-324,), (1e-170,), (0.9999999999999999,), (1.004163016978712,), (4.493409457909064,)],
    "tanh": [(-5.547067703995495,), (20.0,), (372.0,)],
    "sigmoid": [(18.731724925897176,), (-708.5,), (-744.9,)],
    "erfc": [(4.271347944214632,), (26.5,), (27.2,)],
    "acosh": [(1.000000000000118,), (65.2524641829409,)],
}


def draw(rng):
    """Return a number of any size, drawn so that each region where formulas go wrong is met."""
    sign = rng.choice((-1, 1))
    return rng.choice(
        (
            rng.uniform(-1, 1),
            rng.uniform(-40, 40),
            rng.uniform(-800, 800),
            sign * 10 ** rng.uniform(-4, 4),
            sign * 2 ** rng.uniform(-1074, 1023.9),
            sign * (1 + rng.choice((-1, 1)) * 2 ** rng.uniform(-53, -1)),
            float(rng.randint(-9, 9)),
        )
    )


@cache
def sample(op, count=300):
    """Return points of the domain, the same ones in every run: hard, extreme and random ones."""
    rng = random.Random(op.name)
    signed = [sign * x for x in EXTREMES for sign in (1, -1)]
    extremes = list(product(signed, repeat=op.arity)) if op.arity < 3 else []
    points = [
        *op.domain.inside,
        *HARD.get(op.name, ()),
        *rng.sample(extremes, min(len(extremes), count // 3)),
    ]
    while len(points) < count:
        xs = [draw(rng) for _ in range(op.arity)]
        if op.name == "pow" and xs[0] > 0 and xs[0] != 1 and rng.random() < 0.5:
            xs[1] = rng.uniform(-745, 709) / math.log(xs[0])  # a power within the range of doubles
        elif op.arity == 2 and rng.random() < 0.3:
            xs[1] = xs[0] * (1 + xs[1] * 2**-40)  # operands that nearly cancel
        points.append(tuple(xs))
    return [xs for xs in points if all(map(math.isfinite, xs)) and op.domain.contains(*xs)]


def ulps(result, exact, term=0):
    """Return the error of a double in units of the last place of the exact result, or of a larger term.

    A result beyond the range of doubles is an infinity.
    """
    if M.mp.isnan(exact):
        return 0.0 if math.isnan(result) else math.inf
    nearest = M.to_float(exact)
    if math.isinf(nearest) or not math.isfinite(result):
        return 0.0 if result == nearest else math.inf
    return float(abs(M.number(result) - exact)) / math.ulp(max(abs(nearest), M.to_float(term)))


def overflow(op, xs):
    """Return the infinity that a value overflows to."""
    odd_power = op.name == "pow" and xs[0] < 0 and xs[1] % 2 == 1
    return -math.inf if odd_power or (op.name == "sinh" and xs[0] < 0) else math.inf


def value_at(op, xs):
    """Return the value as a double: where Python raises an overflow, an infinity."""
    try:
        return FLOAT.value(op, xs)
    except OverflowError:
        return overflow(op, xs)


def exact_value(op, xs):
    try:
        return op.value(M, *map(M.number, xs))
    except OverflowError:  # beyond e**(2**24), where our reals end
        return M.number(overflow(op, xs))


def partial_at(op, argnum, xs, fixed=None):
    return FLOAT.partial(op, argnum, FLOAT.value(op, xs), xs, fixed or constants_of(op))


# ---- accuracy ----


@pytest.mark.parametrize("op", ROWS)
def test_values_are_within_4_ulp(op):
    for xs in sample(op):
        exact, larger = exact_value(op, xs), larger_term_of_value(op, xs, M)
        assert ulps(value_at(op, xs), exact, larger) <= ULPS, (xs, value_at(op, xs), M.to_float(exact))


@pytest.mark.parametrize(("op", "argnum"), PARTIALS)
def test_partials_are_within_4_ulp(op, argnum):
    for xs in sample(op):
        if not math.isfinite(value_at(op, xs)):
            continue
        slope = partial_at(op, argnum, xs)
        numbers = [M.number(x) for x in xs]
        exact = op.partial(M, argnum, op.value(M, *numbers), numbers, constants_of(op))
        assert ulps(slope, exact, larger_term(op, argnum, xs, M)) <= ULPS, (xs, slope, M.to_float(exact))


def test_sinc_is_right_at_every_size():
    """Against its definition at thousands of points: where the slope cancels near 0, in 800 digits."""
    rng = random.Random(0)
    tiny = [(2 ** rng.uniform(-1074, 0), 1400) for _ in range(200)] + [(5e-324 * n, 1400) for n in (1, 2, 3)]
    near = [(rng.uniform(0, 4), 40) for _ in range(3000)] + [(rng.uniform(0.9, 1.1), 40) for _ in range(1000)]
    far = [(rng.uniform(4, 800), 40) for _ in range(2000)] + [
        (2 ** rng.uniform(10, 1023), 700) for _ in range(200)
    ]
    for x, digits in [*tiny, *near, *far, (1.7976931348623157e308, 700)]:
        with M.mp.workdps(digits):
            exact = M.mp.mpf(x)
            cosine, sine = M.mp.cos(exact) / exact, M.mp.sin(exact) / exact**2
            value, slope = sine * exact, cosine - sine
        larger = larger_term(OPS["sinc"], 0, (x,), M)
        for sign in (1, -1):
            assert ulps(value_at(OPS["sinc"], (sign * x,)), value) <= ULPS, x
            assert ulps(sign * partial_at(OPS["sinc"], 0, (sign * x,)), slope, larger) <= ULPS, x
    at_infinity = gradient("sinc(x*1e300)", x=1e300)
    assert at_infinity.value == 0
    with M.mp.workdps(700):  # x*1e300 is beyond doubles, and the slope is not
        true = float(M.mp.cos(M.mp.mpf(1e300) * M.mp.mpf(1e300)) / 1e300)
    assert at_infinity.gradients == {"x": true}


# Value and derivative by the first operand to 20 digits, worked out from the definitions.
TAILS = [
    ("sigmoid", (800.0,), "1", "3.667874584177687213455e-348"),
    ("sigmoid", (-800.0,), "3.667874584177687213455e-348", "3.667874584177687213455e-348"),
    ("sigmoid", (40.0,), "0.9999999999999999957516", "4.248354255291588959232e-18"),
    ("tanh", (20.0,), "0.9999999999999999915033", "1.699341702116635583693e-17"),
    ("softplus", (800.0,), "800", "1"),
    ("softplus", (-700.0,), "9.859676543759770856705e-305", "9.859676543759770856705e-305"),
    ("logit", (0.5000000001,), "4.000000330961484096977e-10", "4.00000000000000000016"),
    ("logit", (1e-300,), "-690.7755278982137051803", "9.999999999999999749409e+299"),
    ("logit", (0.75,), "1.098612288668109691395", "5.333333333333333333333"),
    ("logit", (0.9999999999999999,), "36.73680056967710128809", "9007199254740993.0"),
    ("logsigmoid", (-800.0,), "-800.0", "1.0"),
    ("logsigmoid", (800.0,), "-3.667874584177687213455e-348", "3.667874584177687213455e-348"),
    ("logaddexp", (-700.25, 0.1), "0.1000000000000000055511", "6.947996628866479751914e-305"),
    ("logaddexp", (0.0, 0.0), "0.6931471805599453094172", "0.5"),
    ("logaddexp", (1e300, -1e300), "1.000000000000000052505e300", "1"),
    ("log1mexp", (-1e-300,), "-690.7755278982137051803", "-9.999999999999999749409e299"),
    ("log1mexp", (-50.0,), "-1.928749847963917783018e-22", "-1.928749847963917783018e-22"),
    ("logcosh", (1e-9,), "5.000000000000000621983e-19", "1.000000000000000061948e-9"),
    ("logcosh", (1e300,), "1.000000000000000052505e300", "1"),
    ("normcdf", (-37.5,), "4.605353009581954843828e-308", "1.728233732284105220751e-306"),
    ("xlogy", (1e-300, 5e-324), "-7.444400719213812809691e-298", "-744.4400719213812623141"),
    ("gamma", (171.0,), "7.257415615307998967397e306", "3.729394818743645259354e307"),
    ("gamma", (1e-300,), "9.999999999999999749409e299", "-9.999999999999999498818e599"),
    ("lgamma", (1e300,), "6.897755278982137414744e302", "690.7755278982137052579"),
    ("digamma", (1.4616321449683623,), "-9.241265521729427516792e-17", "0.967672245447621254995"),
    ("lambertw", (0.0,), "0", "1"),
    ("lambertw", (1e300,), "684.2472086297608492920", "9.985406726398788790271e-301"),
    ("norminv", (5e-324,), "-38.46740561714434625078", "5.258107331400790717627e321"),
    ("softsign", (-1e200,), "-1.0", "1.000000000000000060534e-400"),
    ("gelu", (-37.5,), "-1.727007378593233066435e-306", "-6.476271143055812622972e-305"),
    ("gelu", (-1e200,), "0", "0"),
    ("silu", (-745.0,), "-2.102651294201593121883e-321", "-2.099828943471121184807e-321"),
    ("erfc", (27.0,), "5.237048923789255685016e-319", "-2.829943414977711688603e-317"),
    ("erfc", (1e200,), "0", "0"),
    ("hypot", (1e200, 1e200), "1.414213562373095005998e200", "0.7071067811865475244008"),
    ("atan2", (1e-170, 1e-170), "0.7853981633974483096157", "5.000000000000000083273e169"),
]


@pytest.mark.parametrize(("name", "xs", "value", "slope"), TAILS)
def test_tails(name, xs, value, slope):
    op = OPS[name]
    assert ulps(FLOAT.value(op, xs), M.number(value)) <= ULPS
    assert ulps(partial_at(op, 0, xs), M.number(slope)) <= ULPS


@pytest.mark.parametrize("op", [op for op in ROWS if op.values[0].cancels])
def test_where_a_row_says_so_terms_cancel(op):
    """Somewhere the slope is far more than 4 ulp off, and wherever it is the larger term is above it."""
    numbers = sample(op, 2000)
    slopes = {xs: partial_at(op, 0, xs) for xs in numbers}
    exact = {xs: op.partial(M, 0, op.value(M, *xs), [M.number(x) for x in xs], [False]) for xs in numbers}
    assert max(ulps(slopes[xs], exact[xs]) for xs in numbers) > 100
    assert all(
        larger_term(op, 0, xs, M) > abs(exact[xs]) for xs in numbers if ulps(slopes[xs], exact[xs]) > ULPS
    )


# ---- against sympy ----


@cache
def definition(op):
    """Return the symbols of the operands, sympy's expression of the row, and its derivatives."""
    symbols = sympy.symbols(op.args, real=True)
    operands = (sympy.Gt(symbols[0], 0), *symbols[1:]) if op.takes_condition else symbols
    expr = op.symbolic(sympy, *operands)
    fixed = [op.condition or is_fixed for is_fixed in constants_of(op)]
    slopes = [sympy.S.Zero if f else expr.diff(symbol) for f, symbol in zip(fixed, symbols, strict=True)]
    return symbols, expr, slopes


def number_at(expr, symbols, xs, m):
    """Return a sympy expression at an exact point as a number of m; 1 and 0 for a condition."""
    at_point = expr.subs({symbol: sympy.Rational(x) for symbol, x in zip(symbols, xs, strict=True)})
    if at_point in (sympy.true, sympy.false):
        return m.number(bool(at_point))
    return m.number(str(at_point.evalf(m.digits)))


@pytest.mark.parametrize(("op", "xs"), INSIDE)
def test_the_row_is_the_function_that_sympy_knows(op, xs):
    m = mpmath_namespace(50)
    symbols, expr, derivatives = definition(op)
    numbers = [m.number(x) for x in xs]
    value = op.value(m, *numbers)
    assert abs(value - number_at(expr, symbols, xs, m)) <= 1e-30 * abs(value)
    for argnum, derivative in enumerate(derivatives):
        slope = op.partial(m, argnum, value, numbers, constants_of(op))
        exact = number_at(derivative, symbols, xs, m)
        # Where sympy's terms cancel to 0, only their rounding is left.
        assert abs(slope - exact) <= 1e-30 * (abs(exact) or 1e-10)
        assert ulps(partial_at(op, argnum, xs), exact, larger_term(op, argnum, xs, M)) <= ULPS


@pytest.mark.parametrize(("op", "xs"), INSIDE)
def test_formulas_have_the_values_of_floats(op, xs):
    s = sympy_namespace()
    numbers = [sympy.Rational(x) for x in xs]
    if op.takes_condition:
        numbers[0] = s.gt(numbers[0], 0)
    value = op.value(s, *numbers)
    assert float(number_at(value, (), (), M)) == pytest.approx(FLOAT.value(op, xs), rel=1e-12, abs=0)
    for argnum in range(op.arity):
        slope = op.partial(s, argnum, value, numbers, constants_of(op))
        expected = pytest.approx(partial_at(op, argnum, xs), rel=1e-12, abs=0)
        assert float(number_at(slope, (), (), M)) == expected


# ---- the domain ----


@pytest.mark.parametrize(("op", "xs"), INSIDE)
def test_points_inside_have_a_value_and_no_kink(op, xs):
    assert op.domain.contains(*xs)
    assert math.isfinite(FLOAT.value(op, xs))
    assert op.kink is None or not op.kink.at(FLOAT, xs, constants_of(op))


@pytest.mark.parametrize(("op", "xs"), OUTSIDE)
def test_points_outside_raise(op, xs):
    assert not op.domain.contains(*xs)
    with pytest.raises((ArithmeticError, ValueError)):
        FLOAT.value(op, xs)


# ---- kinks ----

INF, NAN = math.inf, math.nan
SLOPES_AT_KINKS = {
    ("polygamma", (1.0, 2.0)): (NAN, -0.4041138063191886),
    ("besselj", (1.0, 2.0)): (NAN, -0.06447162473720103),
    ("pow", (0.0, 1.5)): (0, 0),
    ("pow", (0.0, 0.5)): (INF, 0),
    ("pow", (-2.0, 2.0)): (-4, NAN),
    ("pow", (0.0, 0.0)): (0, NAN),
    ("sqrt", (0.0,)): (INF,),
    ("cbrt", (0.0,)): (INF,),
    ("hypot", (0.0, 0.0)): (0, 0),
    ("asin", (1.0,)): (INF,),
    ("asin", (-1.0,)): (INF,),
    ("acos", (1.0,)): (-INF,),
    ("acos", (-1.0,)): (-INF,),
    ("atan2", (0.0, 0.0)): (0, 0),
    ("atan2", (0.0, -1.0)): (-1, 0),
    ("acosh", (1.0,)): (INF,),
    ("relu", (0.0,)): (0,),
    ("leaky_relu", (0.0, 0.25)): (0.25, 0),
    ("abs", (0.0,)): (0,),
    ("sign", (0.0,)): (0,),
    ("floor", (2.0,)): (0,),
    ("floor", (-1.0,)): (0,),
    ("ceil", (2.0,)): (0,),
    ("ceil", (-1.0,)): (0,),
    ("round", (0.5,)): (0,),
    ("round", (-1.5,)): (0,),
    ("xlogy", (0.0, 0.0)): (-INF, 0),
    ("max", (1.0, 1.0)): (0.5, 0.5),
    ("min", (1.0, 1.0)): (0.5, 0.5),
    ("clip", (1.0, 1.0, 2.0)): (0.5, 0.5, 0),
    ("clip", (2.0, 1.0, 2.0)): (0.5, 0, 0.5),
    **{(name, (1.0, 1.0)): (0, 0) for name in ("lt", "le", "gt", "ge")},
}


@pytest.mark.parametrize(("name", "xs"), KINKS)
def test_slopes_at_kinks_are_the_convention(name, xs):
    op = OPS[name]
    assert op.kink.at(FLOAT, xs, [False] * op.arity)
    assert op.kink.convention
    slopes = [partial_at(op, argnum, xs, [False] * op.arity) for argnum in range(op.arity)]
    assert slopes == pytest.approx(SLOPES_AT_KINKS[name, xs], abs=0, nan_ok=True)


@pytest.mark.parametrize("op", [op for op in TABLE if op.kink], ids=lambda op: op.name)
def test_a_row_says_whether_its_value_breaks(op):
    """By its one-sided series: a side without values, or finite slopes on both sides of a jump."""
    breaks = op.condition
    for xs in op.kink.points if not op.condition else ():
        names = dict(zip("xyz", xs, strict=False))
        sweep = sweep_graph(
            lower_source(read_source(f"{op.name}({', '.join(names)})" if not op.infix else "x^y")),
            names, 1.0, FLOAT,
        )  # fmt: skip
        for name in names:
            sides = sides_of_gradients(sweep, [name])[name]
            slopes = (sides.left, sides.right)
            breaks |= None in slopes or (all(map(math.isfinite, slopes)) and not sides.is_corner)
    assert op.kink.breaks == breaks


@pytest.mark.parametrize(
    ("name", "xs", "fixed"),
    [
        ("max", (1.0, 1.0), (False, True)),
        ("min", (1.0, 1.0), (False, True)),
        ("clip", (1.0, 1.0, 2.0), (False, True, True)),
        ("clip", (2.0, 1.0, 2.0), (False, True, True)),
    ],
)
def test_beside_a_constant_a_tie_has_slope_0(name, xs, fixed):
    op = OPS[name]
    assert op.kink.at(FLOAT, xs, fixed)
    assert partial_at(op, 0, xs, fixed) == 0
    assert not op.kink.at(FLOAT, xs, [True] * op.arity)


@pytest.mark.parametrize(("slope", "used"), [(-0.5, 0), (0.25, 0.25), (1, 1), (2, 1)])
def test_leaky_relu_has_the_slope_nearest_to_0_between_its_sides(slope, used):
    assert gradient("leaky_relu(x, s)", x=0, s=slope).gradients == {"x": used, "s": 0}


@pytest.mark.parametrize(
    "program",
    [
        *("relu(x)", "max(x, 0)", "max(0, x)", "-min(-x, 0)", "-min(0, -x)", "clip(x, 0, 1e9)"),
        *("abs(x)", "leaky_relu(x, 0)", "max(x, 0, -1)", "-relu(x)", "relu(-x)", "min(max(x, 0), 5)"),
    ],
)
def test_every_spelling_of_relu_has_gradient_0_at_0(program):
    assert gradient(program, x=0).gradients == {"x": 0}


@pytest.mark.parametrize(
    ("program", "shares"),
    [
        ("max(x, y)", (1 / 2, 1 / 2)),
        ("max(x, y, z)", (1 / 3, 1 / 3, 1 / 3)),
        ("min(x, y, z)", (1 / 3, 1 / 3, 1 / 3)),
        ("max(x, y, z - 1)", (1 / 2, 1 / 2, 0)),
        ("max(x, y, 1)", (0, 0)),
        ("max(x, x, y)", (2 / 3, 1 / 3)),
    ],
)
def test_variables_that_tie_share_equally(program, shares):
    point = dict.fromkeys("xyz"[: len(shares)], 1)
    assert tuple(gradient(program, point).gradients.values()) == pytest.approx(shares, abs=0)


# ---- x**y: docs/decisions/0003-powers.md ----


def power_corner(x, n):
    """Return value, slope by the base and slope by the exponent of x**n; None where it has no value."""
    if x > 0:
        return x**n, n * x ** (n - 1), x**n * math.log(x)
    if x < 0:
        return (x**n, n * x ** (n - 1), NAN) if n == int(n) else None
    if n < 0:
        return None
    by_base = INF if 0 < n < 1 else 1 if n == 1 else 0
    return (1, by_base, NAN) if n == 0 else (0, by_base, 0)


@pytest.mark.parametrize("n", [1e200, -1e200, 2.0**53, 2.0**54 + 4])
def test_an_exponent_whose_neighbour_is_rounded_keeps_its_sign(n):
    # n is even, n - 1 is odd.
    assert FLOAT.partial(OPS["pow"], 0, 1.0, (-1.0, n), (False, False)) == -n
    assert M.partial(OPS["pow"], 0, M.one, (-M.one, M.number(n)), (False, False)) == -n


@pytest.mark.parametrize("n", [-2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3])
@pytest.mark.parametrize("x", [-2, -1, 0, 0.5, 1, 3])
def test_corners_of_power(x, n):
    expected = power_corner(float(x), float(n))
    assert OPS["pow"].domain.contains(x, n) == (expected is not None)
    if expected is None:
        with pytest.raises(DomainError):
            gradient("x^n", x=x, n=n)
        return
    report = gradient("x^n", x=x, n=n)
    found = (report.value, report.gradients["x"], report.gradients["n"])
    assert found == pytest.approx(expected, rel=1e-15, abs=0, nan_ok=True)
    assert gradient(f"x^({n})", x=x).gradients["x"] == report.gradients["x"]
    assert report.check.status != "fail"


# ---- the texts ----


@pytest.mark.parametrize("op", [op for op in ROWS if op.id != "where"])
def test_derivatives_in_text_are_the_partials(op):
    for xs, argnum in product(op.domain.inside, range(op.arity)):
        text = op.derivatives[argnum]
        point = {name: x for name, x in zip(op.args, xs, strict=True) if re.search(rf"\b{name}\b", text)}
        expected = pytest.approx(partial_at(op, argnum, xs), rel=1e-12, abs=0)
        assert gradient(text, point, check=False).value == expected


@pytest.mark.parametrize("op", ROWS)
def test_a_row_is_complete(op):
    assert op.backward
    assert op.domain.words
    assert op.domain.inside
    assert len(op.args) == len(op.derivatives) == op.arity
    assert all(op.derivatives)
    assert all(f"#{argnum + 1}" in op.latex for argnum in range(op.arity))
    assert f"#{op.arity + 1}" not in op.latex


def test_names_are_unique():
    names = [name for op in TABLE for name in (op.name, *op.aliases)]
    assert len(names) == len(set(names))
    assert list(OPS.values()) == list(TABLE)
    assert all(FUNCTIONS[name] is op for op in TABLE for name in op.aliases)


def test_the_kinks_listed_here_are_those_of_the_table():
    assert set(SLOPES_AT_KINKS) == set(KINKS)
