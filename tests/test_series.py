"""One-sided slopes: known answers, and random programs against difference quotients in 2,000 digits."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from itertools import pairwise

import pytest

from backprop_cli import gradient
from backprop_cli.errors import BackpropError
from backprop_cli.findings.kinks import Sides, sides_of_gradients, sides_of_operation
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import Sweep, forward, sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.exact import Field, UndecidedError, divide
from backprop_cli.operations.one_sided import Series
from backprop_cli.operations.reals import MpmathNamespace
from backprop_cli.operations.series import SeriesNamespace
from backprop_cli.operations.table import TABLE
from effort import calls_of

INF, NAN = math.inf, math.nan
HALF_PI = math.pi / 2


def sweep_of(program: str, point: dict[str, float]) -> Sweep:
    source = read_source(program, point)
    point = {name: float(point[name]) for name in source.inputs}
    return sweep_graph(lower_source(source), point, 1.0, FLOAT)


def sides_of(program: str, by: str, **point: float) -> Sides:
    return sides_of_gradients(sweep_of(program, point), [by])[by]


# program, point, by, left, right, smooth
COSINE = "acos((a*c + b*d)/(hypot(a, b)*hypot(c, d)))"
EULER = 0.5772156649015329
KNOWN = [
    ("x^0.9", {"x": 0}, "x", None, INF, None),
    ("where(x > 0, x*log(x), 0)", {"x": 0}, "x", 0, -INF, None),
    ("where(x > 0, x/log(x), 0)", {"x": 0}, "x", 0, 0, 0),
    ("where(x > 0, x^1.001*log(x)^5, 0)", {"x": 0}, "x", 0, 0, 0),
    ("where(x > 0, exp(-1/x), 0)", {"x": 0}, "x", 0, 0, 0),
    ("where(x > 0, x^2*sin(1/x), 0)", {"x": 0}, "x", 0, 0, 0),
    ("where(x > 0, x*sin(1/x), 0)", {"x": 0}, "x", 0, NAN, None),
    # Not zero: the next term of the cosine, which is beyond the first two.
    ("where(x > 0, (cos(x) - 1 + x^2/2)/x^3, 0)", {"x": 0}, "x", 0, 1 / 24, None),
    ("where(x > 0, (sin(x) - x + x^3/6 - x^5/120)/x^6, 0)", {"x": 0}, "x", 0, -1 / 5040, None),
    ("relu(x) + exp(-1e300*(1 + x))", {"x": 0}, "x", 0, 1, None),
    ("where(x > 0, 1/x, 0)", {"x": 0}, "x", 0, -INF, None),
    ("x^x", {"x": 0}, "x", None, -INF, None),
    ("x^pi", {"x": 0}, "x", None, 0, None),
    ("abs(x)^1.1", {"x": 0}, "x", 0, 0, 0),
    ("x*(1 - x^1.1)", {"x": 0}, "x", None, 1, None),
    ("sqrt(1 - (sin(x)^2 + cos(x)^2))", {"x": 0.5}, "x", NAN, NAN, None),
    ("cbrt(x)", {"x": 0}, "x", INF, INF, None),
    ("cbrt(x)^3", {"x": 0}, "x", 1, 1, 1),
    ("sqrt(x^2 + y^2)^2", {"x": 0, "y": 0}, "x", 0, 0, 0),
    ("(1 + sqrt(x^2 + y^2)^2)^(-1/2)", {"x": 0, "y": 0}, "y", 0, 0, 0),
    ("sqrt(x*y)", {"x": 0, "y": 2}, "y", 0, 0, 0),
    ("sqrt(x*y)", {"x": 0, "y": 2}, "x", None, INF, None),
    ("sqrt((x - x)^2)", {"x": 3}, "x", 0, 0, 0),
    ("1 + sqrt(((T - u)*w)^2)", {"T": 0, "u": 0, "w": 3}, "w", 0, 0, 0),
    ("relu(x) - relu(-x)", {"x": 0}, "x", 1, 1, 1),
    ("max(x, 0) - x*z + log(1 + exp(-abs(x)))", {"x": 0, "z": 1}, "x", -0.5, -0.5, -0.5),
    ("sign(x)*log(abs(x) + sqrt(x^2 + 1))", {"x": 0}, "x", 1, 1, 1),
    ("(x + abs(x))/2", {"x": 0}, "x", 0, 1, None),
    ("sqrt(x^2)", {"x": 0}, "x", -1, 1, None),
    ("abs(x)*x", {"x": 0}, "x", 0, 0, 0),
    ("acos(cos(x))", {"x": 0}, "x", -1, 1, None),
    ("acos(cos(x))", {"x": 1e-9}, "x", 1, 1, 1),
    ("asin(sin(x))", {"x": HALF_PI}, "x", 1, 1, 1),
    ("asin(sin(x))", {"x": math.nextafter(HALF_PI, 2)}, "x", -1, -1, -1),
    ("asin(tanh(x))", {"x": 20}, "x", 4.122307244877116e-9, 4.122307244877116e-9, 4.122307244877116e-9),
    (COSINE, {"a": 1, "b": 3, "c": 2, "d": 6}, "a", -0.3, 0.3, None),
    (COSINE, {"a": 1, "b": 3, "c": 2, "d": 6}, "b", -0.1, 0.1, None),
    (COSINE, {"a": 1, "b": 3, "c": 2, "d": 6}, "c", -0.15, 0.15, None),
    (COSINE, {"a": 1, "b": 3, "c": 2, "d": 6}, "d", -0.05, 0.05, None),
    ("floor(x)*x", {"x": 0}, "x", -1, 0, None),
    ("floor(x)*x", {"x": 2}, "x", 1, 2, None),
    ("sign(x)", {"x": 0}, "x", 0, 0, None),
    ("where(x > 0, x + 1, x)", {"x": 0}, "x", 1, 1, None),
    ("where(x > 0, x + 1, x + 1)", {"x": 0}, "x", 1, 1, 1),
    (
        "exp(1) + where(x > 0, x*exp(2), x*exp(1)*exp(1))",
        {"x": 0},
        "x",
        math.exp(2),
        math.exp(2),
        math.exp(2),
    ),
    ("atan2(y, x)", {"y": 0, "x": -1}, "y", -1, -1, None),
    ("atan2(y, x)", {"y": 0, "x": -1}, "x", 0, 0, 0),
    ("atan2(y, x)", {"y": 0, "x": 0}, "x", 0, 0, None),
    ("max(exp(a), exp(b))", {"a": 1, "b": 1}, "a", 0, math.e, None),
    ("abs(x)*1e-30 + x", {"x": 0}, "x", 1, 1, None),  # alike as doubles, yet a kink
    ("relu(x)*1e300*1e300", {"x": 0}, "x", 0, NAN, None),  # finite, beyond doubles
    ("lgamma(abs(x) + 1)", {"x": 0}, "x", EULER, -EULER, None),
    ("gamma(1 + relu(x))", {"x": 0}, "x", 0, -EULER, None),
    ("where(x > 0, x^2*gamma(x), 0)", {"x": 0}, "x", 0, 1, None),
    ("where(x > 0, x^2*digamma(x), x^2)", {"x": 0}, "x", 0, -1, None),
    ("where(x > 0, x^4*polygamma(2, x), -2*x)", {"x": 0}, "x", -2, -2, -2),
    ("where(x > 0, x*lgamma(x), 0)", {"x": 0}, "x", 0, INF, None),
    ("where(x < 1, (1 - x)*erfinv(x), 0)", {"x": 1}, "x", NAN, 0, None),
    ("where(x > 1, (1 - x)*erfinv(x), 0)", {"x": 1}, "x", 0, None, None),
    ("where(x > 0, x^2*norminv(x), 0)", {"x": 0}, "x", 0, NAN, None),
    ("digamma(1 + relu(x))", {"x": 0}, "x", 0, math.pi**2 / 6, None),
    ("besselj(1, abs(x))", {"x": 0}, "x", -0.5, 0.5, None),
    ("abs(x)*besselj(0, x)", {"x": 0}, "x", -1, 1, None),
    ("lambertw(abs(x))", {"x": 0}, "x", -1, 1, None),
    ("lambertw(abs(x)) - abs(x) + x*abs(x)", {"x": 0}, "x", 0, 0, 0),
    ("erfinv(abs(x))", {"x": 0}, "x", -math.sqrt(math.pi) / 2, math.sqrt(math.pi) / 2, None),
    ("norminv(0.5 + relu(x))", {"x": 0}, "x", 0, math.sqrt(2 * math.pi), None),
    ("sinc(abs(x)) + erf(abs(x))", {"x": 0}, "x", -2 / math.sqrt(math.pi), 2 / math.sqrt(math.pi), None),
    ("acosh(1 + x)", {"x": 0}, "x", None, INF, None),
    ("asin(1 - x)", {"x": 0}, "x", None, -INF, None),
]


@pytest.mark.parametrize(("program", "point", "by", "left", "right", "smooth"), KNOWN)
def test_slopes_on_both_sides(program, point, by, left, right, smooth):
    found = sides_of(program, by, **point)
    for got, expected in zip(found[:3], (left, right, smooth), strict=True):
        assert (got is None) == (expected is None)
        assert got is None or got == pytest.approx(expected, rel=3e-16, abs=0, nan_ok=True)


def test_no_slope_of_an_operation_at_its_kink_is_unknown():
    for op in TABLE:
        for xs in op.kink.points if op.kink else ():
            names = [f"x{i}" for i in range(len(xs))]
            program = op.write(names)
            if op.condition:
                program = f"where({program}, 1, 2)"
            sweep = sweep_of(program, dict(zip(names, xs, strict=True)))
            node = next(n for n, found in enumerate(sweep.graph.ops) if found is op)
            for left, right, *_ in sides_of_operation(sweep, node):
                assert not any(side is not None and math.isnan(side) for side in (left, right)), program


def test_what_is_not_known_is_said_to_be_so():
    report = gradient("sqrt(1 - (sin(x)^2 + cos(x)^2))", x=0.5)
    found = report.check.gradients["x"]
    assert math.isnan(found.left)
    assert math.isnan(found.right)


# ---- random programs ----

MANY = MpmathNamespace(2000)
NEAR = [MANY.mp.ldexp(1, -power) for power in (266, 532, 1063)]  # powers of two: x + t is exact
ONE = (
    *(
        "abs",
        "relu",
        "sign",
        "sqrt",
        "cbrt",
        "exp",
        "log",
        "sin",
        "cos",
        "tan",
        "tanh",
        "sigmoid",
        "softplus",
    ),
    *(
        "floor",
        "ceil",
        "asin",
        "acos",
        "atan",
        "erf",
        "erfc",
        "gelu",
        "silu",
        "elu",
        "log1p",
        "expm1",
        "sinh",
    ),
    *("cosh", "asinh", "acosh", "atanh", "sinc", "log2", "log10"),
)
LEAVES = ("x", "x", "x", "-x", "1", "2", "0.5", "y", "(1-x)", "(x+1)", "0")
POWERS = ("2", "3", "0.5", "1.5", "-1", "(1/3)", "0.9", "1.1", "x", "abs(x)")


def random_program(r: random.Random, depth: int) -> str:
    if depth == 0 or r.random() < 0.12:
        return r.choice(LEAVES)
    a, b, c, d = (random_program(r, depth - 1) for _ in range(4))
    return r.choice(
        (
            *[f"{r.choice(ONE)}({a})"] * 4,
            *[f"({a}{r.choice('+-**/')}{b})"] * 3,
            f"({a})^{r.choice(POWERS)}",
            f"{r.choice(('max', 'min', 'hypot', 'atan2'))}({a}, {b})",
            f"where({a} {r.choice('<>')} {b}, {c}, {d})",
        )
    )


def values_beside(sweep: Sweep, side: int) -> list:
    """Return the values at distances of some 1e-80, 1e-160 and 1e-320, None where there is none."""
    found = []
    for t in NEAR:
        point = {**sweep.point, "x": MANY.mp.mpf(sweep.point["x"]) + side * t}
        primal, failures = forward(sweep.graph, point, MANY)
        found.append(None if sweep.graph.output in failures else primal[sweep.graph.output])
    return found


def agrees(slope: float | None, values: list, side: int) -> bool:
    if slope is None:
        return values[-1] is None
    if math.isnan(slope):
        return True
    if None in values:
        return False
    first, second = (
        side * (v - w) / (t - u) for (v, w), (t, u) in zip(pairwise(values), pairwise(NEAR), strict=True)
    )
    if math.isinf(slope):  # 1/(t·L²) and L itself are the slowest that grow
        return second * slope > 0 and abs(second) > 30 and abs(second) > 1.3 * abs(first)
    off, was_off = abs(second - slope), abs(first - slope)
    scale = abs(slope) or 1
    return off < 1e-3 * scale and (off < 1e-14 * scale or off < 0.8 * was_off)


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_against_difference_quotients(seed):
    r = random.Random(seed)
    judged = known = 0
    while judged < 20:
        program = random_program(r, r.randint(2, 4))
        point = {"x": r.choice((0, 0, 0, 1, -1, 0.5)), "y": r.choice((0, 1, 0.3))}
        try:
            sweep = sweep_of(program, point)
        except BackpropError:
            continue
        if "x" not in sweep.point or not math.isfinite(sweep.primal[sweep.graph.output]):
            continue
        sides = sides_of_gradients(sweep, ["x"])["x"]
        for side, slope in ((-1, sides.left), (1, sides.right)):
            values = values_beside(sweep, side)
            assert agrees(slope, values, side), (program, sweep.point, side, slope)
            if sides.smooth is not None:
                at = forward(sweep.graph, {n: MANY.number(x) for n, x in sweep.point.items()}, MANY)[0]
                assert abs(values[-1] - at[sweep.graph.output]) < 1e-25, program
            judged += 1
            known += slope is None or not math.isnan(slope)
    assert known > 0.9 * judged


# ---- the constants ----


def test_what_is_made_alike_is_equal():
    field = Field(50)
    e = field.exp(1)
    assert field.exp(2) - e * e == 0
    assert e * field.exp(-1) == 1
    assert field.log(e) == 1
    assert field.log(8) - field.log(2) * 3 == 0
    assert field.exp(field.log(Fraction(2, 3)) * 3) == Fraction(8, 27)
    assert field.sqrt(10) * field.sqrt(40) == 20
    assert field.power(2, Fraction(1, 3)) * field.power(2, Fraction(2, 3)) == 2
    assert divide(e + 1, e + 1) == 1
    assert divide(1, e + 1) * field.sqrt(e + 1) * field.sqrt(e + 1) == 1
    assert field.sin(field.pi * Fraction(3, 2)) == -1


def test_what_is_near_zero_is_not_decided():
    field = Field(50)
    sine, cosine = field.sin(1), field.cos(1)
    assert field.sign(sine - cosine) == 1
    with pytest.raises(UndecidedError):
        field.sign(sine * sine + cosine * cosine - 1)


@pytest.mark.parametrize("name", ["exp", "log", "sin", "cos", "asin", "atan", "erf", "sqrt"])
def test_constants_lie_between_their_bounds(name):
    field = Field(50)
    exact = MpmathNamespace(80)
    for x in (Fraction(1, 3), Fraction(1, 7), Fraction(99, 100)):
        bounds = getattr(field, name)(x).bounds
        value = getattr(exact, name)(exact.mp.mpf(x.numerator) / x.denominator)
        low, high = (exact.mp.make_mpf(end) for end in bounds._mpi_)
        assert low < value < high
        assert high - low < 1e-48


def test_terms_beyond_the_count_are_not_known():
    m = SeriesNamespace(50, 2)
    t = m.beside(0.0, 1)
    root = m.sqrt(1 + t + t * t)
    assert (len(root.terms), root.bound) == (2, (2, 0))
    rest = root - 1 - t / 2
    assert rest.slope(1) == 0
    with pytest.raises(UndecidedError):
        m.sign(rest)


def test_a_chain_of_irrational_constants_stays_quick():
    program = "h = x;" + "h = sin(h) + 0.5;" * 300 + "h + relu(x)"
    left, right, smooth, *_ = sides_of(program, "x", x=0)
    assert (left, right, smooth) == (pytest.approx(0, abs=1e-30), 1, None)


def test_powers_of_constants_are_bounded_once():
    """18 s where every term of every product bounded its powers anew; now 1 s and 2 million calls."""
    point = {"x": 6.154168530953325e-166, "y": 3.2237297818231104e129, "z": -1.65}
    program = "leaky_relu(erfc(cbrt((y+z)+x)), erfc(cbrt((y+z)+x)))"
    assert calls_of(lambda: gradient(program, point, check=False)) < 6_000_000


def test_what_an_input_does_not_move_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[SeriesNamespace] = []
    real = SeriesNamespace.exp

    def exp(m: SeriesNamespace, x: Series) -> Series:
        seen.append(m)
        return real(m, x)

    monkeypatch.setattr(SeriesNamespace, "exp", exp)
    sides = sides_of_gradients(sweep_of("relu(w*x) + exp(y)", {"w": 0, "x": 2, "y": 0.3}), ["w", "x"])
    assert [sides[name][:2] for name in ("w", "x")] == [(0, 2), (0, 0)]
    assert len(seen) == 1
