"""The cross-check: it must find planted mistakes, and say no more and no less than it knows."""

import dataclasses
import json
import math
import sys

import pytest

from backprop_cli import DomainError, cli, gradient
from backprop_cli.console.environment import Environment
from backprop_cli.graph.tape import Graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import OPS, TABLE
from effort import calls_of

SYMBOLIC, STEPWISE = "symbolic", "symbolic, step by step"

# ---- planted mistakes ----

MISTAKES = {
    "a thousandth off": lambda m, slope: slope * m.number(1.001),
    "of the wrong sign": lambda m, slope: m.zero - slope,
    "zero": lambda m, slope: slope * m.zero,
    "not zero": lambda m, slope: slope + m.number(0.001),
}


def partial_at(op, argnum, xs):
    return FLOAT.partial(op, argnum, FLOAT.value(op, xs), xs, [False] * op.arity)


def is_flat(op, argnum):
    """Tell whether the partial is zero everywhere."""
    return all(partial_at(op, argnum, xs) == 0 for xs in op.domain.inside)


def program_of(op):
    """Return the row as a program. A condition is only seen through the where that it selects for."""
    if op.condition:
        return f"where({op.write(op.args)}, a, b)"
    return op.write(("cond > 0", "a", "b") if op.name == "where" else op.args)


def point_of(op, argnum):
    """Return a point inside the domain where the partial is not zero, if there is one."""
    xs = max(op.domain.inside, key=lambda xs: partial_at(op, argnum, xs) != 0)
    return dict(zip(op.args, xs, strict=True)) | ({"a": 2.0, "b": 3.0} if op.condition else {})


def deepened(program):
    """Return the program with so many negations before it that it is checked step by step."""
    return "-" * 60 + f"({program})"


def with_partial(op, argnum, mistake):
    """Return the row with a mistake in one partial."""

    def partials(fixed):
        rules = list(op.partials(fixed))
        right = rules[argnum]
        rules[argnum] = lambda m, y, *xs: mistake(m, right(m, y, *xs))
        return tuple(rules)

    return dataclasses.replace(op, partials=partials, at_once=None)


@pytest.fixture
def plant(monkeypatch):
    """Put other rows into every graph, in place of some. What sympy is told stays as it is."""
    add = Graph.add

    def put(planted):
        def add_planted(graph, op, operands, span):
            return add(graph, planted.get(op, op), operands, span)

        monkeypatch.setattr(Graph, "add", add_planted)

    return put


def planted_rows(op, argnum, kind):
    """Return what replaces what. The slope by a condition is only seen where where passes it on."""
    planted = {op: with_partial(op, argnum, MISTAKES[kind])}
    where, a_condition = OPS["where"], OPS["gt"]
    if op.condition:
        planted[where] = with_partial(where, 0, MISTAKES["not zero"])
    elif op is where and argnum == 0:
        planted[a_condition] = with_partial(a_condition, 0, MISTAKES["not zero"])
    return planted


PLANTED = [
    pytest.param(op, argnum, kind, id=f"{op.name}-{op.args[argnum]}-{kind}")
    for op in TABLE
    if not op.orders
    for argnum in range(op.arity)
    for kind in (["not zero"] if is_flat(op, argnum) else ["a thousandth off", "of the wrong sign", "zero"])
]


@pytest.mark.parametrize("method", [SYMBOLIC, STEPWISE])
@pytest.mark.parametrize(("op", "argnum", "kind"), PLANTED)
def test_a_wrong_partial_fails(plant, op, argnum, kind, method):
    program, point = program_of(op), point_of(op, argnum)
    if method == STEPWISE:
        program = deepened(program)
    honest = gradient(program, point).check
    assert (honest.status, honest.method) == ("pass", method)
    plant(planted_rows(op, argnum, kind))
    check = gradient(program, point).check
    assert (check.status, check.method) == ("fail", method)
    assert [name for name, found in check.gradients.items() if found.status == "fail"] == [op.args[argnum]]


@pytest.mark.parametrize("method", [SYMBOLIC, STEPWISE])
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in TABLE if not op.orders])
def test_a_wrong_value_fails(plant, op, method):
    def value(m, *xs):
        y = op.value(m, *xs)
        return m.one - y if op.condition else y * m.number(1.001)

    xs = next(xs for xs in op.domain.inside if FLOAT.value(op, xs) or op.condition)
    point = dict(zip(op.args, xs, strict=True)) | ({"a": 2.0, "b": 3.0} if op.condition else {})
    program = program_of(op) if method == SYMBOLIC else deepened(program_of(op))
    plant({op: dataclasses.replace(op, value=value)})
    check = gradient(program, point).check
    assert (check.status, check.method) == ("fail", method)
    assert check.reason == "the value"


@pytest.mark.parametrize("method", [SYMBOLIC, STEPWISE])
@pytest.mark.parametrize("name", [op.name for op in TABLE if op.orders])
@pytest.mark.parametrize("order", [0, 1, 5])
def test_a_wrong_function_of_an_order_fails(plant, name, order, method):
    program = f"{name}({order}, x)" if method == SYMBOLIC else deepened(f"{name}({order}, x)")
    honest = gradient(program, x=1.75).check
    assert (honest.status, honest.method) == ("pass", method)
    plant({OPS[name]: with_partial(OPS[name], 1, MISTAKES["a thousandth off"])})
    assert gradient(program, x=1.75).check.status == "fail"


@pytest.mark.parametrize(
    ("program", "written", "lowered"),
    [
        ("x - y", "sub", "add"),
        ("x/y", "div", "mul"),
        ("sin(x) + 0*y", "sin", "tan"),
        ("max(x, y)", "max", "min"),
        ("where(x < y, x, y)", "lt", "gt"),
    ],
)
def test_a_wrong_lowering_fails(plant, program, written, lowered):
    plant({OPS[written]: OPS[lowered]})
    assert gradient(program, x=2, y=3).check.status == "fail"
    assert gradient(deepened(program), x=2, y=3).check.status == "fail"


@pytest.mark.parametrize(
    ("name", "argnum", "kind"),
    [
        ("tanh", 0, "a thousandth off"),
        ("sub", 1, "of the wrong sign"),
        ("div", 1, "zero"),
        ("floor", 0, "not zero"),
        ("where", 2, "a thousandth off"),
    ],
)
@pytest.mark.usefixtures("capsys")
def test_the_exit_status_of_a_failed_check_is_1(plant, name, argnum, kind):
    op = OPS[name]
    world = Environment(None, sys.stdout, sys.stderr, {})
    arguments = ["grad", program_of(op), *(f"{x}={value}" for x, value in point_of(op, argnum).items())]
    assert cli.run(arguments, world) == 0
    plant(planted_rows(op, argnum, kind))
    assert cli.run(arguments, world) == 1
    assert cli.run([*arguments, "--quiet"], world) == 1
    assert cli.run([*arguments, "--no-check"], world) == 0


# ---- digits ----


def test_an_exact_gradient_has_all_digits():
    report = gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5)
    assert {found.digits for found in report.check.gradients.values()} == {16}
    assert {found.loss for found in report.check.gradients.values()} == {None}
    assert report.warnings == ()


def test_a_gradient_that_is_exactly_zero_has_all_digits():
    report = gradient("(x - 3)^2 + 0*y", x=3, y=7)
    for found in report.check.gradients.values():
        assert (found.status, found.digits, found.zero_within) == ("pass", 16, None)


@pytest.mark.parametrize("program", ["(1 - cos(x))/x^2", "y = 1 - cos(x); y/x^2"])
def test_lost_digits_are_counted_and_their_node_is_named(program):
    report = gradient(program, x=1e-7)
    found = report.check.gradients["x"]
    exact = -1e-7 / 12  # the series -x/12 + x^3/180 - ...
    assert (found.status, found.zero_within) == ("pass", None)
    assert float(found.value) == pytest.approx(exact, rel=1e-12)
    assert abs(report.gradients["x"] - exact) > abs(exact)
    assert found.digits == 0
    (lost,) = [node for node in report.nodes if node.expr.startswith("1 - ")]
    assert [(w.kind, w.node) for w in report.warnings] == [("digits", lost.id)]
    assert "a difference of nearly equal numbers, 2e14 times as large as it is" in report.warnings[0].message


def test_some_digits_are_counted_as_some():
    report = gradient("(1 - cos(x))/x^2", x=1e-3)
    found = report.check.gradients["x"]
    error = abs(report.gradients["x"] - float(found.value)) / abs(float(found.value))
    assert 0 < found.digits < 12
    assert found.digits == math.floor(-math.log10(error))


def test_digits_lost_where_contributions_cancel_are_blamed_on_the_gradient():
    report = gradient("sin(a*x) + cos(a*x)", a=1, x=0.7853981)  # near pi/4, where cosine and sine are equal
    assert {found.digits for found in report.check.gradients.values()} == {9}
    (warning,) = report.warnings
    assert warning.node == "v1"
    assert "the contributions to the gradient with respect to a*x cancel" in warning.message


# ---- zero to within rounding ----


@pytest.mark.parametrize(
    ("program", "point"),
    [("(w*x - y)^2", {"w": 0.1, "x": 3, "y": 0.3}), ("cos(pi*x)", {"x": 1})],
)
def test_a_gradient_of_rounding_alone_is_zero_within_a_bound(program, point):
    report = gradient(program, point)
    assert report.check.status == "pass"
    for name, found in report.check.gradients.items():
        assert found.digits is None
        assert abs(report.gradients[name]) <= found.zero_within < 1e-14
        assert abs(float(found.value or 0)) <= found.zero_within
    told = [w.node for w in report.warnings if w.message.startswith("the gradient")]
    assert told == list(report.gradients)


def test_a_small_gradient_is_not_called_zero():
    found = gradient("1e-200*x", x=3).check.gradients["x"]
    assert (found.digits, found.zero_within) == (16, None)


# ---- what is not compared ----


@pytest.mark.parametrize(
    ("program", "left", "right"),
    [
        ("relu(x)", 0, 1),
        ("abs(x)", -1, 1),
        ("sqrt(x)", None, math.inf),
        ("3*max(x, 0)", 0, 3),
        ("sign(x)", 0, 0),
    ],
)
def test_at_a_kink_nothing_is_compared(program, left, right):
    check = gradient(program, x=0).check
    assert check.status == "skipped"
    found = check.gradients["x"]
    assert (found.status, found.at_kink, found.left, found.right) == ("skipped", True, left, right)
    assert (found.value, found.digits, found.formula) == (None, None, None)


def test_beside_a_kink_the_other_gradients_are_compared():
    check = gradient("relu(x)*y + y", x=0, y=2).check
    assert check.status == "pass"
    assert check.gradients["x"].at_kink
    assert (check.gradients["x"].left, check.gradients["x"].right) == (0, 2)
    assert (check.gradients["y"].status, check.gradients["y"].digits) == ("pass", 16)


def test_a_mistake_at_a_kink_is_not_a_failure(plant):
    plant({OPS["relu"]: with_partial(OPS["relu"], 0, MISTAKES["not zero"])})
    assert gradient("relu(x)", x=0).check.status == "skipped"
    assert gradient("relu(x)", x=1).check.status == "fail"


def test_a_kink_does_not_hide_a_mistake_in_another_gradient(plant):
    plant({OPS["sin"]: with_partial(OPS["sin"], 0, MISTAKES["zero"])})
    check = gradient("relu(x) + sin(y)", x=0, y=1).check
    assert check.status == "fail"
    assert check.gradients["x"].at_kink


@pytest.mark.parametrize(
    ("program", "point"),
    [("log(x) + y", {"x": 1e-310, "y": 1}), ("x^n + y", {"x": -2, "n": 2, "y": 1})],
)
def test_gradients_that_are_not_finite_are_skipped(program, point):
    report = gradient(program, point)
    for name, slope in report.gradients.items():
        found = report.check.gradients[name]
        assert found.status == ("pass" if math.isfinite(slope) else "skipped")
        assert bool(found.reason) == (found.status == "skipped")
    assert not all(map(math.isfinite, report.gradients.values()))
    assert report.check.status == "pass"


def test_a_check_not_asked_for_is_skipped():
    check = gradient("x*y", x=2, y=3, check=False).check
    assert (check.status, check.method, check.reason) == ("skipped", None, "not asked for")
    assert {found.status for found in check.gradients.values()} == {"skipped"}


def test_a_program_of_too_many_nodes_is_skipped_with_the_reason():
    report = gradient("-" * 60_000 + "x", x=2)
    assert report.gradients == {"x": 1}
    assert report.check.status == "skipped"
    assert report.check.reason.startswith("the program has 60,001 nodes")
    assert report.check.gradients["x"].reason == report.check.reason


# ---- method and precision ----


@pytest.mark.parametrize(
    ("program", "method"),
    [
        ("x*y + sin(x)", SYMBOLIC),
        (deepened("x*y"), STEPWISE),
        (" + ".join(f"sin({k}*x)*y" for k in range(100)), STEPWISE),
        ("; ".join(["a = x*y", *["a = a*a"] * 9, "a"]), STEPWISE),
    ],
)
def test_the_method_is_named(program, method):
    check = gradient(program, x=1.25, y=0.75).check
    assert (check.status, check.method, check.precision) == ("pass", method, 50)
    assert {found.status for found in check.gradients.values()} == {"pass"}
    assert all((found.formula is not None) == (method == SYMBOLIC) for found in check.gradients.values())


@pytest.mark.parametrize(("x", "precision"), [(1e-3, 50), (1e-30, 200), (1e-90, 800)])
def test_the_precision_grows_until_it_can_tell(x, precision):
    check = gradient("(1 - cos(x))/x^2", x=x).check
    assert (check.status, check.precision) == ("pass", precision)
    assert float(check.gradients["x"].value) == pytest.approx(-x / 12, rel=1e-5)


def test_what_cancels_identically_is_zero():
    found = gradient("(sin(x)^2 + cos(x)^2)*y", x=0.75, y=2).check.gradients["x"]
    assert found.status == "pass"
    assert found.digits == 16 or found.zero_within < 1e-14


# ---- large numbers ----

# What mpmath or sympy would compute in full does not end, so these run in a process with a limit.


@pytest.mark.parametrize(
    ("program", "x"),
    [("9**9**9*x", 2), ("((3*x)^1000)^1000", 3), ("x + exp(exp(exp(exp(9))))", 1)],
)
def test_constants_beyond_the_range_of_doubles_are_an_error(backprop, program, x):
    done = backprop("grad", program, f"x={x}")
    assert done.returncode == DomainError.status
    assert "overflows" in done.stderr


@pytest.mark.parametrize(
    ("program", "x", "slope"),
    [
        ("x^1000000", "1.0000001", 1105170.8020972404379985719932280567845564),
        ("((3*x)^1000)^1000", "1/3", 3e6),
        ("x^(2^1023)", "1", 2.0**1023),
        ("where(x < 0, exp(exp(exp(exp(exp(exp(x)))))), x)", "10", 1),
        ("where(x < 0, 9**9**9*x, x)", "10", 1),
        ("where(x < 0, 9**9**9**9, x)", "10", 1),
        ("where(x < 0, ((x^999)^999)^(999^99), x)", "10", 1),
    ],
)
def test_huge_numbers_in_a_formula_stay_bounded(backprop, program, x, slope):
    report = json.loads(backprop("grad", program, f"x={x}", "--json").stdout)
    assert report["gradients"]["x"] == pytest.approx(slope, rel=1e-9)
    assert report["check"]["status"] == "pass"


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in TABLE if op.arity == 1])
@pytest.mark.parametrize("size", [5e-324, 1e-160, 745.5, 1e154, 1e200, 1.7e308])
def test_the_check_copes_with_operands_of_any_size(op, size):
    for x in (size, -size):
        if not op.domain.contains(x):
            continue
        try:
            check = gradient(op.write(op.args), x=x).check
        except DomainError:
            continue
        assert check.status in ("pass", "skipped")
        assert check.status == "pass" or check.reason


# ---- upstream ----


@pytest.mark.parametrize("upstream", [1, -2.5, 1e-3, 0])
@pytest.mark.parametrize("program", ["x*exp(y) + relu(x)", deepened("x*exp(y)")])
def test_upstream_multiplies_every_side_of_the_check(program, upstream):
    plain = gradient(program, x=0.75, y=-1.5)
    scaled = gradient(program, x=0.75, y=-1.5, upstream=upstream)
    assert scaled.check.status == "pass"
    for name, slope in plain.gradients.items():
        assert scaled.gradients[name] == pytest.approx(upstream * slope, rel=1e-15)
        found, expected = scaled.check.gradients[name], plain.check.gradients[name]
        assert float(found.value) == pytest.approx(upstream * float(expected.value), rel=1e-15)
        assert found.digits >= 15


def test_upstream_scales_the_sides_of_a_kink():
    found = gradient("relu(x)", x=0, upstream=10).check.gradients["x"]
    assert (found.left, found.right) == (0, 10)


@pytest.mark.parametrize("upstream", [1, 10])
def test_a_mistake_is_found_with_and_without_upstream(plant, upstream):
    plant({OPS["exp"]: with_partial(OPS["exp"], 0, MISTAKES["a thousandth off"])})
    assert gradient("x*exp(y)", x=2, y=3, upstream=upstream).check.status == "fail"


# ---- max and min of many operands, decisions by what is decided ----

MANY = "{}(a, b*c, c, d, e, f*f, 3, exp(a))"
POINT = {"a": 0.5, "b": 2.0, "c": 3.5, "d": 4.0, "e": 5.0, "f": 3.0}


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_best_of_many_operands_is_checked(plant, name):
    program = MANY.format(name)
    check = gradient(program, POINT).check
    assert {(found.status, found.digits) for found in check.gradients.values()} == {("pass", 16)}
    place, best = {"max": (5, "f"), "min": (0, "a")}[name]
    plant({OPS[name]: with_partial(OPS[name], place, MISTAKES["a thousandth off"])})
    check = gradient(program, POINT).check
    assert [name for name, found in check.gradients.items() if found.status == "fail"] == [best]


def test_the_best_of_many_constants_is_checked():
    check = gradient("x*max(1, 2, 3, sqrt(26), 5)", x=3).check
    assert check.status == "pass"
    assert check.gradients["x"].digits == 16


def test_a_constant_that_is_the_best_twice_is_checked():
    assert gradient("min(-y, cbrt(1), cbrt(1))/(-y)", y=-1e36).check.status == "pass"


def test_a_best_that_takes_many_digits_to_tell_is_checked():
    check = gradient("max(x, y, 1, 2, (z + 1) - 1, z/2)", x=-1, y=0.5, z=1e-90).check
    assert check.status == "pass"


@pytest.mark.parametrize(
    ("program", "x"),
    [
        ("elu(max(tanh(silu(atanh(x))), silu(atanh(x))))", 0.02769785074339293),
        ("max(tanh(silu(atanh(x))), silu(atanh(x)), sin(x)*exp(x))", 0.02769785074339293),
        ("where(max(sin(x)*exp(x), silu(x)) > cos(x), tanh(x), x)", 0.3),
    ],
)
def test_a_decision_by_what_is_decided_is_no_work_for_sympy(program, x):
    check = None

    def differentiate():
        nonlocal check
        check = gradient(program, x=x).check

    assert calls_of(differentiate) < 700_000  # some 70,000
    assert (check.status, check.method) == ("pass", STEPWISE)
