"""Numbers with bounds: the bounds hold against 200 digits, whatever is computed and wherever.

What is true comes from an evaluator of its own: mpmath at 200 digits, its derivatives written out here.
"""

import math
import random
from fractions import Fraction
from typing import NamedTuple

import mpmath
import pytest

from backprop_cli import gradient
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.bounded import bounded_floats, bounded_reals, log2_size
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import OPS, TABLE

MP = mpmath.mp.clone()
MP.dps = 200
# Decisions nearer than this to their boundary are at a kink, where the slope is a convention.
APART = MP.mpf(10) ** -150


class UnknownError(Exception):
    """The evaluator has no value here, or no derivative."""


def positive(x):
    """Tell the sign of what decides."""
    if abs(x) < APART:
        raise UnknownError
    return x > 0


def bell(x):
    return 2 / MP.sqrt(MP.pi) * MP.exp(-x * x)


def normal(x):
    return MP.erfc(-x / MP.sqrt(2)) / 2


def sigma(x):
    return 1 / (1 + MP.exp(-x))


def sinc_slope(x):
    return (MP.cos(x) - MP.sin(x) / x) / x if abs(x) > 1e-60 else -x / 3


def small(function):
    """Return a function of numbers that are neither far out nor very near 0, where it is costly."""

    def of_small(x):
        if not 1e-20 < abs(x) < 1e4:
            raise UnknownError
        return function(x)

    return of_small


def quantile(x):
    return MP.sqrt(2) * MP.erfinv(2 * x - 1)


def constant(x):
    if abs(x - MP.nint(x)) < APART:
        raise UnknownError
    return 0


ONE = {
    "neg": (lambda x: -x, lambda _: -1),
    "exp": (MP.exp, MP.exp),
    "expm1": (MP.expm1, MP.exp),
    "log": (MP.log, lambda x: 1 / x),
    "log1p": (MP.log1p, lambda x: 1 / (1 + x)),
    "log2": (lambda x: MP.log(x) / MP.log(2), lambda x: 1 / x / MP.log(2)),
    "log10": (lambda x: MP.log(x) / MP.log(10), lambda x: 1 / x / MP.log(10)),
    "sqrt": (MP.sqrt, lambda x: 1 / (2 * MP.sqrt(x))),
    "cbrt": (lambda x: MP.sign(x) * MP.cbrt(abs(x)), lambda x: 1 / (3 * MP.cbrt(abs(x)) ** 2)),
    "sin": (MP.sin, MP.cos),
    "cos": (MP.cos, lambda x: -MP.sin(x)),
    "tan": (MP.tan, lambda x: 1 / MP.cos(x) ** 2),
    "asin": (MP.asin, lambda x: 1 / MP.sqrt(1 - x * x)),
    "acos": (MP.acos, lambda x: -1 / MP.sqrt(1 - x * x)),
    "atan": (MP.atan, lambda x: 1 / (1 + x * x)),
    "sinh": (MP.sinh, MP.cosh),
    "cosh": (MP.cosh, MP.sinh),
    "tanh": (MP.tanh, lambda x: 1 / MP.cosh(x) ** 2),
    "asinh": (MP.asinh, lambda x: 1 / MP.sqrt(1 + x * x)),
    "acosh": (MP.acosh, lambda x: 1 / MP.sqrt(x * x - 1)),
    "atanh": (MP.atanh, lambda x: 1 / (1 - x * x)),
    "erf": (MP.erf, bell),
    "erfc": (MP.erfc, lambda x: -bell(x)),
    "sinc": (lambda x: MP.sin(x) / x if x else MP.one, sinc_slope),
    "sigmoid": (sigma, lambda x: sigma(x) * sigma(-x)),
    "logsigmoid": (lambda x: -MP.log1p(MP.exp(-x)), lambda x: sigma(-x)),
    "logit": (lambda x: MP.log(x / (1 - x)), lambda x: 1 / (x * (1 - x))),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    "square": (lambda x: x * x, lambda x: 2 * x),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / (x * x)),
    "softplus": (lambda x: MP.log1p(MP.exp(x)), sigma),
    "normcdf": (normal, lambda x: MP.exp(-x * x / 2) / MP.sqrt(2 * MP.pi)),
    "logcosh": (lambda x: MP.log1p(2 * MP.sinh(x / 2) ** 2), MP.tanh),
    "log1mexp": (lambda x: MP.log(-MP.expm1(x)), lambda x: MP.exp(x) / MP.expm1(x)),
    "round": (MP.nint, lambda x: constant(x + MP.mpf(0.5))),
    "gamma": (small(MP.gamma), small(lambda x: MP.gamma(x) * MP.psi(0, x))),
    "lgamma": (small(MP.loggamma), small(lambda x: MP.psi(0, x))),
    "digamma": (small(lambda x: MP.psi(0, x)), small(lambda x: MP.psi(1, x))),
    "lambertw": (small(MP.lambertw), small(lambda x: 1 / (x + MP.exp(MP.lambertw(x))))),
    "erfinv": (small(MP.erfinv), small(lambda x: MP.sqrt(MP.pi) / 2 * MP.exp(MP.erfinv(x) ** 2))),
    "norminv": (small(quantile), small(lambda x: MP.sqrt(2 * MP.pi) * MP.exp(quantile(x) ** 2 / 2))),
    "gelu": (lambda x: x * normal(x), lambda x: normal(x) + x * MP.exp(-x * x / 2) / MP.sqrt(2 * MP.pi)),
    "silu": (lambda x: x * sigma(x), lambda x: sigma(x) + x * sigma(x) * sigma(-x)),
    "relu": (lambda x: max(x, 0), lambda x: 1 if positive(x) else 0),
    "elu": (lambda x: x if x > 0 else MP.expm1(x), lambda x: 1 if x > 0 else MP.exp(x)),
    "abs": (abs, lambda x: 1 if positive(x) else -1),
    "sign": (MP.sign, lambda x: 0 * positive(x)),
    "floor": (MP.floor, constant),
    "ceil": (MP.ceil, constant),
}
TWO = {
    "add": (lambda x, y: x + y, lambda _x, _y: (1, 1)),
    "sub": (lambda x, y: x - y, lambda _x, _y: (1, -1)),
    "mul": (lambda x, y: x * y, lambda x, y: (y, x)),
    "div": (lambda x, y: x / y, lambda x, y: (1 / y, -x / y / y)),
    "pow": (lambda x, y: x**y, lambda x, y: (y * x ** (y - 1), x**y * MP.log(x))),
    "hypot": (MP.hypot, lambda x, y: (x / MP.hypot(x, y), y / MP.hypot(x, y))),
    "atan2": (MP.atan2, lambda x, y: (y / (x * x + y * y), -x / (x * x + y * y))),
    "logaddexp": (lambda x, y: MP.log(MP.exp(x) + MP.exp(y)), lambda x, y: (sigma(x - y), sigma(y - x))),
    "xlogy": (lambda x, y: x * MP.log(y) if x or y else MP.zero, lambda x, y: (MP.log(y), x / y)),
    "max": (max, lambda x, y: (1, 0) if positive(x - y) else (0, 1)),
    "min": (min, lambda x, y: (0, 1) if positive(x - y) else (1, 0)),
    "leaky_relu": (
        lambda x, s: x if positive(x) else s * x,
        lambda x, s: (1, 0) if positive(x) else (s, x),
    ),
}
SPECIAL = {"clip", "where", "lt", "le", "gt", "ge", "polygamma", "besselj"}


def clip(x, low, high):
    """Return clip(x, low, high) as nested steps of the table above."""
    return "min", ("max", x, low), high


class Dual(NamedTuple):
    """A number and its derivatives."""

    value: object
    slopes: dict


def evaluate(tree, point):
    """Return the value and the derivatives of a program. Raises UnknownError."""
    if tree == "pi":
        return Dual(MP.pi, {})
    if isinstance(tree, str):
        return Dual(point[tree], {tree: MP.one})
    if isinstance(tree, float):
        return Dual(MP.mpf(tree), {})
    name, *parts = tree
    if name == "where":
        (_, left, right), *branches = parts
        less = not positive(evaluate(left, point).value - evaluate(right, point).value)
        return evaluate(branches[0 if less else 1], point)
    if name == "clip":
        return evaluate(clip(*parts), point)
    duals = [evaluate(part, point) for part in parts]
    value, slope = (ONE if len(duals) == 1 else TWO)[name]
    xs = [dual.value for dual in duals]
    y = value(*xs)
    if not isinstance(MP.mpf(0) + y, MP.mpf) or not MP.isfinite(y) or (y and MP.mag(y) > 1 << 26):
        raise UnknownError
    total = {}
    for dual, s in zip(duals, [slope(*xs)] if len(duals) == 1 else slope(*xs), strict=True):
        for key, x in dual.slopes.items():
            if not MP.isfinite(s) or isinstance(s, MP.mpc):
                raise UnknownError
            total[key] = total.get(key, 0) + s * x
    return Dual(y, total)


def written(tree):
    """Return a tree as the text of a program."""
    if isinstance(tree, str):
        return tree
    if isinstance(tree, float):
        return f"({tree!r})"
    name, *parts = tree
    op = next(op for op in TABLE if op.name == name)
    texts = [written(part) for part in parts]
    return f"({op.write([f'({t})' for t in texts])})" if op.infix else op.write(texts)


ORDINARY = [0.3, 1.7, -0.6, 2.5, 0.1, -3.2, 5.0, 1e-3, 12.25]
EXTREME = [1e-160, 1e200, -1e-300, 5e-324, 1.7e308, -1e15, 745.5, -745.5, 1e-30, 27.5, 1e8, -40.0]
EXACT = [0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0]


def tree_of(chance, depth):
    if depth == 0 or chance.random() < 0.15:
        return chance.choice(["x", "y", "x", "y", chance.choice([*EXACT, 0.1, "pi"])])
    if chance.random() < 0.12:
        name = chance.choice(["clip", "where"])
        parts = [tree_of(chance, depth - 1) for _ in range(4 if name == "where" else 3)]
        if name == "clip":
            return ("clip", *parts)
        return ("where", (chance.choice(["lt", "le"]), *parts[:2]), *parts[2:])
    table, count = (ONE, 1) if chance.random() < 0.5 else (TWO, 2)
    return (chance.choice(sorted(table)), *(tree_of(chance, depth - 1) for _ in range(count)))


def true_results(tree, point):
    """Return the true value and slopes of a program, None where there are none."""
    try:
        return evaluate(tree, {name: MP.mpf(x) for name, x in point.items()})
    except (UnknownError, ArithmeticError, ValueError, TypeError):
        return None


def is_held(number, true):
    """Tell whether the bound of a number reaches to what is true."""
    if number.error == math.inf:
        return True
    distance = abs(MP.mpf(number.value) - true)
    return not distance or MP.log(distance, 2) <= number.error + 1e-9


def sweep(tree, point, m):
    graph = lower_source(read_source(tree if isinstance(tree, str) else written(tree), ()))
    return sweep_graph(graph, {name: point[name] for name in graph.inputs}, 1.0, m)


# Of 6 digits, just enough for a double to be exact, bounds are wide and decisions often open.
SYSTEMS = [
    pytest.param(lambda: bounded_reals(30), id="reals"),
    pytest.param(lambda: bounded_reals(6), id="few digits"),
    pytest.param(bounded_floats, id="doubles"),
]


def test_every_operation_is_tried():
    assert {op.name for op in TABLE} - SPECIAL == {*ONE, *TWO}


@pytest.mark.parametrize("numbers", [ORDINARY, EXTREME, EXACT + ORDINARY], ids=["some", "far", "special"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_bounds_of_random_programs_hold(system, numbers):
    chance = random.Random(f"{len(numbers)}")
    m = system()
    tried = bounded = 0
    while tried < 150:
        tree = tree_of(chance, chance.choice([1, 2, 3, 4]))
        point = {"x": chance.choice(numbers), "y": chance.choice(numbers)}
        true = true_results(tree, point)
        if true is None or not true.slopes:
            continue
        found = sweep(tree, point, m)
        if found.graph.output in found.failures:
            continue
        tried += 1
        y = found.primal[found.graph.output]
        bounded += y.error < math.inf
        assert is_held(y, true.value), (written(tree), point, y.value, y.error)
        for name, slope in true.slopes.items():
            bar = found.adjoint[found.graph.inputs[name]] or m.zero
            assert is_held(bar, slope), (written(tree), point, name, bar.value, bar.error)
    assert bounded > 0.8 * tried


# ---- where the corners of an interval would mislead, and where nothing is sure ----


def primal(program, m, **point):
    """Return the bounded value of a program."""
    graph = lower_source(read_source(program, ()))
    found = sweep_graph(graph, point, 1.0, m)
    return found.primal[graph.output]


# At 6 digits x + 1e12 - 1e12 has lost x to within 2e-4, and at 30 digits x + 1e42 - 1e42.
@pytest.mark.parametrize(("system", "big"), [(lambda: bounded_reals(6), 1e12), (bounded_floats, 1e12)])
@pytest.mark.parametrize(
    ("program", "x", "true"),
    [
        ("tan({x})", 1.57079, "158057.9133"),
        ("tan(1e6*{x})", 1.570796326, None),
        ("cos(1e9*{x})", 0.3, None),
        ("({x})^(-2)", 1e-6, "1e12"),
        ("({x})^(-1)", -1e-6, "-1e6"),
        ("atan2({x}, -1)", 1e-6, "3.14159165359"),
        ("1/{x}", 1e-6, "1e6"),
        ("floor({x})", 1.0 - 1e-6, "0"),
        ("sign({x})", -1e-6, "-1"),
        ("where({x} > 0, 5, 7)", -1e-6, "7"),
        ("where({x} <= 0, 5, x)", 1e-6, "1e-6"),
        ("max({x}, 1e-5)", 1.1e-5, "1.1e-5"),
        ("abs({x})", -1e-6, "1e-6"),
        ("relu({x})", 1e-6, "1e-6"),
    ],
)
def test_bounds_reach_over_poles_jumps_and_branches(system, big, program, x, true):
    program = program.format(x=f"(x + {big} - {big})")
    y = primal(program, system(), x=x)
    if true is None:
        assert y.error >= 0
    else:
        assert y.error == math.inf or abs(MP.mpf(y.value) - MP.mpf(true)) <= MP.mpf(2) ** y.error + 1e-5


@pytest.mark.parametrize("program", ["log({x})", "sqrt({x})", "1/{x}", "({x})^(-1)", "acos(1 + {x})"])
def test_a_value_that_may_not_exist_is_undecided(program):
    y = primal(program.format(x="(x + 1e60 - 1e60)"), bounded_reals(30), x=1e-9)
    assert y.error == math.inf


@pytest.mark.parametrize("program", ["log(x - 2)", "sqrt(-x)", "acos(x + 1)", "1/(x - 1)", "(x - 1)^(-1)"])
def test_a_value_that_does_not_exist_has_none(program):
    graph = lower_source(read_source(program, ()))
    assert sweep_graph(graph, {"x": 1.0}, 1.0, bounded_reals(30)).failures[graph.output] == "domain"


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("x*x - 2*x*y + y^2", {"x": 1e-3, "y": 0.7}),
        ("(w*x - y)^2", {"w": 0.1, "x": 3.0, "y": 0.3}),
        ("exp(x) - cos(x)", {"x": 0.0}),
        ("sqrt(x)/4", {"x": 6.25}),
        ("x^0 + 1^y", {"x": 0.3, "y": 0.1}),
    ],
)
def test_what_fits_into_the_digits_is_proved_exact(program, point):
    assert primal(program, bounded_reals(50), **point).is_exact


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("x*y", {"x": 1e-200, "y": 1e-200}),
        ("exp(x)", {"x": -800.0}),
        ("x/y", {"x": 1e-200, "y": 1e200}),
        ("x^2", {"x": 1e-170}),
        ("erfc(x)", {"x": 30.0}),
        ("sigmoid(x)", {"x": -800.0}),
        ("atan2(x, y)", {"x": 1e-200, "y": 1e200}),
    ],
)
def test_underflow_is_never_exact(program, point):
    y = primal(program, bounded_floats(), **point)
    assert y.value == 0
    assert not y.is_exact


def test_the_limit_of_an_exponential_is_never_exact():
    for program in ("exp(-x)", "erfc(x)", "2^(-x)"):
        y = primal(program, bounded_reals(50), x=1e13)
        assert y.value == 0
        assert -math.inf < y.error < -1_500_000_000_000


@pytest.mark.parametrize(
    ("program", "point"), [("1/x^n", {"x": 1e-160, "n": -1.0}), ("1/x^n", {"x": 0.5, "n": -1023.0})]
)
def test_doubles_that_overflow_on_the_way_raise_nothing(program, point):
    found = sweep(program, point, bounded_floats())
    floats = sweep(program, point, FLOAT)
    for node in found.graph.inputs.values():
        assert repr(found.adjoint[node].value) == repr(floats.adjoint[node])


@pytest.mark.parametrize("power", [3, 800, 900])
def test_sizes_beyond_doubles_have_logarithms(power):
    assert log2_size(MP.mpf(10) ** (1000 * power) + 1) == pytest.approx(1000 * power * math.log2(10))


@pytest.mark.parametrize("program", ["max(sinh(x), x)", "min(2*x, 2*sinh(x))", "clip(silu(x), 0, x)"])
def test_one_best_operand_that_is_rounded_is_no_tie(program):
    found = sweep(program, {"x": 0.5}, bounded_reals(50))
    slope = found.adjoint[found.graph.inputs["x"]]
    assert slope.error < slope.size - 100


@pytest.mark.parametrize("function", ["exp", "cos", "cosh", "2^"])
@pytest.mark.parametrize("x", [1e-65, 1e-90])
def test_a_function_is_exact_only_of_an_exact_operand(function, x):
    """At 60 digits its operand is 0 ± 1e-125, and 1 the result at both ends of that."""
    program = f"{function}(expm1(x) - x) - 1"
    y = primal(program, bounded_reals(50), x=x)
    true = primal(program, bounded_reals(800), x=x)
    assert y.value == 0
    assert log2_size(true.value) <= y.error


@pytest.mark.parametrize("function", ["log", "log2", "acosh", "abs", "floor", "ceil", "xlogy"])
@pytest.mark.parametrize("noise", ["(expm1(x) - x)", "(x - expm1(x))", "(log1p(x) - x)*1e-300"])
def test_a_bound_far_below_the_last_digit_is_none_the_less(function, noise):
    """1 ± 1e-125 is a number of 60 digits whose ends are not: the logarithm of it is not 0."""
    start = "xlogy(x^2, 1 + {})" if function == "xlogy" else f"{function}(1 + {{}})"
    y = primal(start.format(noise), bounded_reals(50), x=1e-90)
    try:
        true = primal(start.format(noise), bounded_reals(700), x=1e-90)
    except ValueError:
        return
    assert log2_size(true.value - y.value) <= y.error


def test_what_is_lost_below_the_last_digit_is_not_called_right():
    """Both sides of the check took log(1 + v) for 0 and floor(1 + v) for 1, with v = -1.7e-201."""
    check = gradient("y + log(1 + x*(sin(x) - x))", {"x": 1e-50, "y": 1e-200}, wrt=["y"]).check
    assert (check.value_digits, check.value[:8]) == (0, "8.333333")
    report = gradient("y*floor(1 + x*(sin(x) - x))", {"x": 1e-50, "y": 1}, wrt=["y"])
    assert report.check.gradients["y"].digits != 16


def test_the_sign_of_a_power_that_the_last_digit_decides_is_open():
    m = bounded_reals(50)
    assert m.pow(m.number(-1.0), m.number(-4e229) - 1).error == math.inf
    assert gradient("x^(-4e+229)", x=-1).check.status == "pass"
    assert gradient("cos(expm1(1e-70*log1p(y)))", y=-1e-200).check.status == "pass"


@pytest.mark.parametrize(("name", "y"), [("floor", 0), ("ceil", 1), ("sign", 1)])
def test_a_step_of_what_is_not_exact_is_exact_between_jumps(name, y):
    m = bounded_reals(30)
    step = m.value(OPS[name], [m.number(Fraction(1, 10))])
    assert (step.value, step.is_exact) == (y, True)


def test_a_bound_does_not_double_at_every_step():
    """Of 2**-166 a bound that doubles leaves nothing after 200 steps."""
    y = primal("norm([x" + ", x" * 299 + "])", bounded_reals(50), x=1.1)
    exact = primal("sqrt(300*x^2)", bounded_reals(100), x=1.1)
    assert log2_size(y.value - exact.value) <= y.error < y.size - 170
    assert gradient("norm(x)", x=[1.1] * 300).check.status == "pass"


def test_what_underflows_in_many_digits_is_no_noise():
    found = gradient("sigmoid((z + 1e14)/0.8)", z=0).check.gradients["z"]
    assert (found.status, found.digits, found.underflow, found.zero_within) == ("pass", 0, True, None)
