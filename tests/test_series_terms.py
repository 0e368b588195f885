"""All terms of one-sided series, and what they leave open, against numbers of many digits."""

from __future__ import annotations

import pytest

from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import forward
from backprop_cli.language.source import read_source
from backprop_cli.operations.exact import Real, UndecidedError
from backprop_cli.operations.one_sided import FLAT
from backprop_cli.operations.reals import MpmathNamespace
from backprop_cli.operations.series import SeriesNamespace
from backprop_cli.operations.table import TABLE
from test_series import KNOWN

MANY = MpmathNamespace(250)
T = MANY.mp.ldexp(1, -80)  # a power of two: x + t is exact
L = -MANY.mp.log(T)
FIELD_DIGITS, COUNT = 120, 4

AT = [0.0, 0.5, 1.0, -1.0, -3.0]
ONE = [op.write(["x"]) for op in TABLE if op.arity == 1 and not op.condition]
TWO = [op.write(["{0}", "{1}"]) for op in TABLE if op.arity == 2 and not op.condition and not op.orders]
OPERANDS = [("x", "y"), ("y", "x"), ("x", "2*x"), ("x", "-x"), ("x*x", "x"), ("1/x", "x"), ("x - x", "x")]
COMPARED = [f"where(x {sign} 1/2, sin(x), x*x)" for sign in ("<", "<=", ">", ">=")]
MORE = """
    clip(x, 0, y); clip(sin(x), -1, x); besselj(1, x); polygamma(1, 2 + x); x^(1/3); x^-2; x^7; x^20;
    gamma(1 + x); sqrt((1 + x)^2); sqrt(x + x^2); log(x)*x^2; x^2/log(x); x*log(x)^2 + x; 1/(x + x^2);
    1/(1 + sqrt(x)); sin(1 + x)/x; tanh(1/x); atan(1/x); asinh(1/x); erf(1/x); erfc(1/x); exp(-1/x);
    exp(log(x)*2.5); exp(sqrt(x)); log(sin(x)); log2(4 + x); log10(100 - x); log10(x); log2(x/8);
    log1p(1e-3 + x); erfc(8 + x); (1 - x)/(1 + x); x/(-x); (x - 1)*(x + 1)/(x - 1); (1 - cos(x))/x;
    (exp(x) - 1 - x)/x^2; atan2(x, x*x); atan2(x*x, x); atan2(-x*x, -1); atan2(sin(x), -x); hypot(x,
    x*x); hypot(1 + x, x); floor(2 - x); ceil(2 - x); floor(x*pi); acos(1 - x*x); asin(1 - x); acosh(1 +
    x)
"""
PROGRAMS = [
    *ONE,
    *[text.format(*operands) for text in TWO for operands in OPERANDS],
    *COMPARED,
    *" ".join(MORE.split()).split("; "),
]
PROGRAMS += [program for program, point, *_ in KNOWN if set(point) == {"x"} and "1e300" not in program]


def plain(c):
    """Return a constant of series as a number."""
    if not isinstance(c, Real):
        return MANY.mp.mpf(c.numerator) / c.denominator if hasattr(c, "numerator") else MANY.mp.mpf(c)
    low, high = (MANY.mp.make_mpf(end) for end in c.bounds._mpi_)
    return (low + high) / 2


def size(key):
    return MANY.zero if key == FLAT else T ** plain(key[0]) * L ** -plain(key[1])


def series_of(graph, point, side, m):
    """Return the output as a series, None where there is no value; raises UndecidedError."""
    values = {name: m.beside(x, side) if name == "x" else m.number(x) for name, x in point.items()}
    m.field.gave_up = False
    primal, failures = forward(graph, values, m)
    if graph.output not in failures:
        return primal[graph.output]
    if m.field.gave_up:
        raise UndecidedError
    return None


@pytest.mark.parametrize("program", dict.fromkeys(PROGRAMS))
def test_terms_are_those_of_the_function(program):
    graph = lower_source(read_source(program))
    m = SeriesNamespace(FIELD_DIGITS, COUNT)
    for x in AT:
        for side in (-1, 1):
            point = {"x": x, "y": 1.5}
            point = {name: point[name] for name in graph.inputs}
            near = {name: MANY.number(v) + (side * T if name == "x" else 0) for name, v in point.items()}
            primal, failures = forward(graph, near, MANY)
            true = None if graph.output in failures else primal[graph.output]
            try:
                series = series_of(graph, point, side, m)
            except UndecidedError:
                continue
            assert (series is None) == (true is None), (x, side)
            if series is None or isinstance(series, float):
                continue
            keys = [key for key, _ in series.terms]
            assert keys == sorted(keys)
            assert len(keys) <= COUNT
            if series.bound is not None:
                assert not keys or keys[-1] < series.bound
            off = abs(true - sum((plain(c) * size(key) for key, c in series.terms), MANY.zero))
            noise = (abs(true) + 1) * MANY.mp.mpf(10) ** -115
            unknown = MANY.zero if series.bound is None else size(series.bound)
            assert off <= 1e16 * unknown + noise, (x, side, series.terms, series.bound)


# Series that go on for ever have as many terms as are kept, whatever is in them.
FULL = [
    "exp(x)",
    "log(1 + x)",
    "sqrt(1 + x)",
    "1/(1 + x)",
    "tan(1 + x)",
    "atan(0.3 + x)",
    "erf(1 + x)",
    "(1 + x)^0.3",
]
FULL += [
    "lambertw(1 + x)",
    "sin(1 + x)",
    "acosh(2 + x)",
    "asin(0.5 + x)",
    "1/(2 + x)^3",
    "tanh(1 + x)",
    "x/(1 + x)",
]
FULL += [
    "gamma(1.5 + x)",
    "besselj(0, 1 + x)",
    "exp(sqrt(abs(x)))",
    "sqrt(abs(x) + x^2)",
    "cbrt(2 + x)",
    "2^x",
]


@pytest.mark.parametrize("count", [2, 4, 8])
@pytest.mark.parametrize("program", FULL)
def test_as_many_terms_are_known_as_are_kept(program, count):
    graph = lower_source(read_source(program))
    found = series_of(graph, {"x": 0.0}, 1, SeriesNamespace(50, count))
    assert len(found.terms) == count
    assert found.bound is not None


@pytest.mark.parametrize(
    ("program", "terms"),
    [
        ("x^2 - 3*x + 2", {0: 2, 1: -3, 2: 1}),
        ("(1 + x)^3", {0: 1, 1: 3, 2: 3, 3: 1}),
        ("sqrt((1 + x)^2)", {0: 1, 1: 1}),
        ("(x^2 - 1)/(x - 1)", {0: 1, 1: 1}),
        ("x/(-x)", {0: -1}),
        ("(x - x)*exp(x)", {}),
        ("sqrt(4*x^2)", {1: 2}),
        ("max(x, x^2)", {1: 1}),
        ("min(x, x^2)", {2: 1}),
        ("floor(x + 2.5)", {0: 2}),
        ("log(exp(x))*0", {}),
        ("hypot(3*x, 0)", {1: 3}),
        ("x^4*x", {5: 1}),
        ("where(x > 0, 2*x, 1)", {1: 2}),
        ("(2 - x)*(2 + x)", {0: 4, 2: -1}),
    ],
)
def test_what_ends_is_known_wholly(program, terms):
    graph = lower_source(read_source(program))
    found = series_of(graph, {"x": 0.0}, 1, SeriesNamespace(50, 6))
    assert found.bound is None
    assert dict(found.terms) == {(p, 0): c for p, c in terms.items()}
    assert found.is_constant == (set(terms) <= {0})


@pytest.mark.parametrize(
    ("program", "jumps"),
    [
        ("sign(x)", True),
        ("sign(x - 1)", False),
        ("floor(x)", True),
        ("floor(-x)", True),
        ("floor(x + 0.5)", False),
        ("ceil(x)", True),
        ("where(x > 0, x, 2*x)", False),
        ("where(x > 0, x + 1, x)", True),
        ("where(x >= 1, x + 1, x)", False),
        ("where(x > 0, sin(1/x), 0)", True),
        ("where(x > 0, 1/x, 0)", True),
        ("atan2(x, -1)", True),
        ("atan2(x, 1)", False),
        ("atan2(x, x)", True),
        ("0^abs(x)", True),
        ("0^(1 + x)", False),
        ("abs(x) + max(x, 0)", False),
    ],
)
def test_where_a_value_may_jump(program, jumps):
    graph = lower_source(read_source(program))
    found = []
    for side in (-1, 1):
        m = SeriesNamespace(50, 4)
        series_of(graph, {"x": 0.0}, side, m)
        found.append(m.jumps)
    assert any(found) == jumps
