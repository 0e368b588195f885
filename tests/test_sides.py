"""What slopes on both sides tell of a gradient, which inputs are behind a kink, when digits are certain."""

from __future__ import annotations

import math

import pytest

from backprop_cli.findings import kinks, settled
from backprop_cli.findings.kinks import (
    NOT_KNOWN,
    Sides,
    exact_value,
    find_kinks,
    inputs_behind,
    is_tie_with_itself,
    nodes_at_kinks,
    sides_of_gradients,
    sides_of_operation,
)
from backprop_cli.findings.settled import (
    Settled,
    _by_sides,
    _is_certain,
    _is_steep,
    _may_be_smooth,
    _record,
    _slope,
    behind_possible_kinks,
    gradients_of,
    met_by_rounding,
    settle_gradients,
    settle_unchecked,
    settled_checks,
    with_origins,
)
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.exact import UndecidedError
from backprop_cli.operations.series import Condition
from backprop_cli.report import BOTH_SIDES, NEARER_SIDE, ONE_SIDE, Check, GradientCheck, Outcome
from with_bounds import INF, NAN, M, of


def sweep_of(program, m=FLOAT, upstream=1.0, **point):
    graph = lower_source(read_source(program, point))
    return sweep_graph(graph, {name: float(point[name]) for name in graph.inputs}, upstream, m)


def sides_of(sweep):
    return sides_of_gradients(sweep, ["x"])["x"]


def corner(left, right):
    return Sides(left, right, is_corner=True)


# ---- what both sides tell ----


@pytest.mark.parametrize(
    ("gradient", "sides", "expected", "origin"),
    [
        (0.5, Sides(2.0, 2.0, 2.0, None, True), 2.0, BOTH_SIDES),
        (NAN, Sides(0.0, 0.0, 0.0, None, True), 0.0, BOTH_SIDES),
        (0.5, Sides(None, None), NAN, ""),
        (0.5, Sides(None, 3.0, None, 3.0), 3.0, ONE_SIDE),
        (INF, Sides(0.0, None, None, 0.0), 0.0, ONE_SIDE),
        (0.5, corner(0.0, 1.0), 0.5, ""),
        (0.0, corner(0.0, 1.0), 0.0, ""),
        (1.0, corner(0.0, 1.0), 1.0, ""),
        (1.0 + 1e-13, corner(0.0, 1.0), 1.0 + 1e-13, ""),  # apart by rounding
        (1.0 + 1e-11, corner(0.0, 1.0), 1.0, NEARER_SIDE),
        (2.0, corner(1.0, -1.0), 1.0, NEARER_SIDE),
        (-2.0, corner(1.0, -1.0), -1.0, NEARER_SIDE),
        (2.0, Sides(1.0, -1.0), 2.0, ""),  # the value may jump
        (0.5, Sides(1.0, INF), 0.5, ""),
        (NAN, corner(0.0, 1.0), NAN, ""),
        (INF, Sides(1.0, 2.0), NAN, ""),
        (INF, Sides(INF, INF), INF, ""),
        (NAN, Sides(-INF, -INF), -INF, ""),
        (INF, Sides(INF, -INF), NAN, ""),
        (INF, Sides(INF, 1.0), NAN, ""),
        (INF, Sides(1.0, INF), NAN, ""),
        (NAN, Sides(None, INF), INF, ""),
        (NAN, Sides(-INF, None), -INF, ""),
        (NAN, Sides(None, 2.0), NAN, ""),
    ],
)
def test_what_the_slopes_on_both_sides_tell(gradient, sides, expected, origin):
    found = _by_sides(gradient, sides, at_kink=False)
    assert repr((found.gradient, found.origin)) == repr((expected, origin))
    assert found.sides is (None if origin == BOTH_SIDES else sides)
    assert repr(found) == repr(_by_sides(gradient, sides, at_kink=True))


@pytest.mark.parametrize("sides", [Sides(NAN, 1.0), Sides(1.0, NAN), Sides(NAN, NAN), Sides(None, NAN)])
def test_a_side_that_is_not_known_settles_nothing(sides):
    assert _by_sides(0.5, sides, at_kink=True) == Settled(0.5, sides=sides)
    assert _by_sides(0.5, sides, at_kink=False) == Settled(0.5)


@pytest.mark.parametrize(
    ("sides", "may_be"),
    [
        (None, False),
        (Sides(None, 1.0), False),
        (Sides(1.0, None), False),
        (Sides(None, NAN), False),
        (Sides(NAN, 1.0), True),
        (Sides(1.0, NAN), True),
        (corner(1.0, 1.0), True),
        (corner(1.0, 1.0 + 1e-13), True),
        (corner(1.0, 1.0 + 1e-11), False),
        (Sides(1.0, 1.0), False),
    ],
)
def test_whether_more_digits_may_find_a_derivative(sides, may_be):
    assert _may_be_smooth(sides) == may_be


def test_a_slope_is_steep_where_it_is_infinite():
    assert [
        _is_steep(Sides(*pair)) for pair in ((1.0, INF), (-INF, 1.0), (None, INF), (None, 1.0), (1.0, NAN))
    ] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("bar", "certain"),
    [
        (of(0), True),
        (of(0, -30.0), False),
        (of(0, -1076.0), True),
        (of(0, -1075.0), False),
        (of(0, -1076.0, scale=-1000.0), False),  # something larger has cancelled in it
        (of(1), True),
        (of(1, -55.0), True),
        (of(1, -54.9), False),
        (of(8, -52.0), True),
        (of(1, -20.0), False),
        (of(INF, -INF), False),
        (of("1e-400", -1100.0), True),
        (of("1e-320", -1070.0), False),
    ],
)
def test_when_many_digits_are_certain(bar, certain):
    assert _is_certain(bar) == certain


def test_a_slope_beyond_doubles_is_told_in_digits():
    assert _slope(of(0.1, -190.0), M) == Settled(0.1, "50 digits")
    found = _slope(of("-1e400"), M)
    assert (found.gradient, found.origin, found.text) == (-INF, "50 digits", "-1.0e+400")
    assert math.copysign(1, _slope(of(-0.0), M).gradient) == 1


# ---- records ----


@pytest.mark.parametrize(
    ("found", "reason", "at_kink"),
    [
        (Settled(0.5, sides=corner(0.0, 1.0)), "kink", True),
        (Settled(0.5, ONE_SIDE, Sides(None, 1.0)), "edge of the domain", True),
        (Settled(0.5, ONE_SIDE, Sides(1.0, None)), "edge of the domain", True),
        (Settled(NAN, sides=Sides(None, None)), "kink", True),
        (Settled(0.5, sides=NOT_KNOWN), "possible kink", True),
        (Settled(0.5, sides=Sides(NAN, 0.0)), "kink", True),
        (Settled(0.5, BOTH_SIDES), "found from both sides", False),
    ],
)
def test_the_record_of_what_is_settled(found, reason, at_kink):
    record = _record(found)
    assert (record.status, record.reason, record.at_kink) == ("skipped", reason, at_kink)
    expected = (found.sides.left, found.sides.right) if found.sides else (None, None)
    assert repr((record.left, record.right)) == repr(expected)
    assert record.origin == ("" if found.sides else found.origin)


def test_what_digits_have_settled_has_no_record_but_an_origin():
    found = {
        "a": Settled(1.0, "50 digits"),
        "b": Settled(2.0, BOTH_SIDES),
        "c": Settled(INF, "50 digits", text="1e400"),
    }
    assert list(settled_checks(found)) == ["b", "c"]
    assert settled_checks(found)["c"].value == "1e400"
    check = Check(Outcome.PASS, "symbolic", 50, {name: GradientCheck(Outcome.PASS) for name in "abd"}, "")
    origins = {name: record.origin for name, record in with_origins(check, found).gradients.items()}
    assert origins == {"a": "50 digits", "b": BOTH_SIDES, "d": ""}
    assert with_origins(check, {"a": Settled(1.0)}) is check
    assert with_origins(check, {}) is check


def test_gradients_are_those_that_were_settled():
    sweep = sweep_of("x*y - x*y", x=2, y=3)
    assert gradients_of(sweep, ["x", "y"], {"x": Settled(7.0)}) == {"x": 7.0, "y": 0.0}
    assert math.copysign(1, gradients_of(sweep_of("-x*0", x=2), ["x"], {})["x"]) == 1


# ---- kinks of programs ----

BEHIND = [
    ("relu(x) + y", {"x": 0, "y": 1}, "x", "relu(x)"),
    ("relu(x*y)", {"x": 0, "y": 1}, "x y", "relu(x*y)"),
    ("relu(x)*y", {"x": 1, "y": 0}, "", ""),
    ("max(x, y)", {"x": 1, "y": 1}, "x y", "max(x, y)"),
    ("max(x, y)", {"x": 1, "y": 2}, "", ""),
    ("max(x, x)", {"x": 1}, "", ""),
    ("min(x, x, x)", {"x": 1}, "", ""),
    ("where(x > x, x, 0)", {"x": 1}, "", ""),
    ("where(x > y, x, 2*y)", {"x": 1, "y": 1}, "x y", "x > y"),
    ("where(x > y, x, 2*y)", {"x": 1, "y": 2}, "", ""),
    ("relu(-1 - abs(x)) + x", {"x": 0}, "", ""),  # a kink on a dead path
    ("max(max(x, 0), 0)", {"x": 0}, "x", "max(max(x, 0), 0)"),
    ("d = relu(y); x", {"x": 1, "y": 0}, "", ""),
    ("floor(sign(x)/2)", {"x": 0}, "x", "floor(sign(x)/2), sign(x)"),
    ("where(y > 0, 5, ceil(x))", {"x": 0, "y": 1}, "", ""),
    ("where(y > 0, ceil(0.5 + ceil(x)), 1)", {"x": 0, "y": 1}, "x", "ceil(x)"),
    ("x^y", {"x": -2, "y": 2}, "y", "x^y"),  # smooth along x
    ("x^x", {"x": -2}, "x", "x^x"),
    ("clip(x, y, 2)", {"x": 1, "y": 1}, "x y", "clip(x, y, 2)"),
    ("abs(2)*x + sign(0)", {"x": 1}, "", ""),
    ("0*abs(x) + 5*x", {"x": 0}, "", ""),
    ("abs(x)*1e308*10", {"x": 0}, "x", "abs(x)"),
]


@pytest.mark.parametrize(("program", "point", "inputs", "nodes"), BEHIND)
def test_the_kinks_of_a_program_and_the_inputs_behind_them(program, point, inputs, nodes):
    sweep = sweep_of(program, **point)
    found = find_kinks(sweep)
    assert ", ".join(sorted(sweep.graph.source(node) for node in found)) == nodes
    assert inputs_behind(sweep, found) == set(inputs.split())
    assert set(found) <= set(nodes_at_kinks(sweep.graph, sweep.primal))
    # Many digits are as sure of it.
    exact = sweep_of(program, M, **point)
    assert set(inputs.split()) <= behind_possible_kinks(exact, M)


@pytest.mark.parametrize(
    ("program", "point", "inputs"),
    [
        ("abs(x + 1e60 - 1e60)", {"x": 1e-9}, "x"),
        ("abs(x)", {"x": 1e-300}, ""),
        ("max(x, y)", {"x": 1, "y": 1.0 + 1e-15}, ""),
        ("max(x + 1e60 - 1e60, y)", {"x": 1, "y": 1}, "x y"),
        ("d = relu(y); x", {"x": 1, "y": 0}, ""),
        ("max(x, x)", {"x": 0}, ""),
        ("where(y > 0, abs(x), x)", {"x": 0, "y": -1}, ""),
        ("floor(y)*x", {"x": 1, "y": 2}, "y"),
        ("floor(y)*x", {"x": 1, "y": 2.5}, ""),
        ("sign(0)*x", {"x": 1}, ""),
        ("exp(abs(x)*y)", {"x": 0, "y": 1}, "x"),
        ("where(y > 0, 5, ceil(x))", {"x": 0, "y": 1}, ""),
        ("where(y > 0, ceil(0.5 + ceil(x)), 5)", {"x": 0, "y": 1}, "x"),
        ("max(abs(x), 5)*y", {"x": 0, "y": 1}, ""),
    ],
)
def test_where_many_digits_leave_a_kink_open(program, point, inputs):
    assert behind_possible_kinks(sweep_of(program, M, **point), M) == set(inputs.split())


def test_a_tie_of_an_operand_with_itself():
    for program, is_tie in [
        ("max(x, x)", True),
        ("max(x, y)", False),
        ("x*x", False),
        ("min(x, x, x)", True),
    ]:
        graph = lower_source(read_source(program))
        assert is_tie_with_itself(graph, graph.output) == is_tie
    assert not is_tie_with_itself(graph, 0)


@pytest.mark.parametrize(
    ("program", "point", "sides"),
    [
        ("relu(x)", {"x": 0}, [(0.0, 1.0)]),
        ("max(x, y)", {"x": 1, "y": 1}, [(0.0, 1.0), (0.0, 1.0)]),
        ("max(x, 1)", {"x": 1}, [(0.0, 1.0), (None, None)]),
        ("abs(x)", {"x": 0}, [(-1.0, 1.0)]),
        ("sqrt(x)", {"x": 0}, [(None, INF)]),
        ("x^y", {"x": -2, "y": 2}, [(-4.0, -4.0), (None, None)]),
        ("clip(x, 0, 1)", {"x": 1}, [(1.0, 0.0), (None, None), (None, None)]),
    ],
)
def test_the_sides_of_an_operation_by_each_operand(program, point, sides):
    sweep = sweep_of(program, **point)
    found = sides_of_operation(sweep, sweep.graph.output)
    assert [tuple(side[:2]) for side in found] == sides


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("abs(x)", (-1.0, 1.0, None, None, True)),
        ("x*abs(x)", (0.0, 0.0, 0.0, None, True)),
        ("sqrt(x)", (None, INF, None, None, False)),
        ("x^1.5", (None, 0.0, None, 0.0, False)),
        ("(-x)^1.5", (0.0, None, None, 0.0, False)),
        ("sign(x)", (0.0, 0.0, None, None, False)),
        ("where(x >= 0, x + 1, x)", (1.0, 1.0, None, None, False)),
        ("cbrt(x)", (INF, INF, None, None, False)),
        ("0^x", (None, 0.0, None, None, False)),
        ("sqrt(-x^2)", (None, None, None, None, False)),
        ("x + 1e-20*abs(x)", (1.0, 1.0, None, None, True)),
    ],
)
def test_all_that_is_told_of_both_sides(program, expected):
    found = sides_of(sweep_of(program, x=0))
    assert found[:5] == expected
    scaled = sides_of(sweep_of(program, upstream=-2.0, x=0))
    assert scaled[:2] == tuple(None if slope is None else -2 * slope for slope in expected[:2])


def test_values_are_exact_where_series_have_constants():
    assert exact_value(sweep_of("acos(sqrt(10)*sqrt(40)/20) + 0*x", x=1)) == 0
    assert exact_value(sweep_of("1/x", x=3)) * 3 == 1
    assert exact_value(sweep_of("log(x)", x=-1)) is None


# ---- how far it is looked ----


def test_slopes_on_both_sides_are_looked_for_up_to_a_size(monkeypatch):
    sweep = sweep_of("relu(x)", x=0)
    size = len(sweep.graph.ops)
    monkeypatch.setattr(settled, "_MOST_SIDE_STEPS", size)
    assert settle_gradients(sweep, find_kinks(sweep), ["x"])["x"].sides[:2] == (0.0, 1.0)
    monkeypatch.setattr(settled, "_MOST_SIDE_STEPS", size - 1)
    assert repr(settle_gradients(sweep, find_kinks(sweep), ["x"])["x"].sides) == repr(NOT_KNOWN)


def test_digits_are_taken_up_to_a_size(monkeypatch):
    sweep = sweep_of("1/(1/x)", x=1e-200)
    assert settle_gradients(sweep, [], ["x"])["x"] == Settled(1.0, "50 digits")
    monkeypatch.setattr(settled, "_MOST_DIGIT_STEPS", 50 * len(sweep.graph.ops))
    assert settle_gradients(sweep, [], ["x"])["x"] == Settled(1.0, "50 digits")
    monkeypatch.setattr(settled, "_MOST_DIGIT_STEPS", 50 * len(sweep.graph.ops) - 1)
    assert settle_gradients(sweep, [], ["x"])["x"].origin == BOTH_SIDES


def test_only_wanted_gradients_are_settled():
    sweep = sweep_of("relu(x) + relu(y)", x=0, y=0)
    assert list(settle_gradients(sweep, find_kinks(sweep), ["y"])) == ["y"]
    sweep = sweep_of("1/(1/x) + abs(y)", x=1e-200, y=0)
    assert settle_gradients(sweep, [], ["x"]) == {"x": Settled(1.0, "50 digits")}


def test_what_doubles_meet_by_rounding_is_confirmed_in_digits():
    found = {"x": Settled(1.0, BOTH_SIDES), "y": Settled(2.0, ONE_SIDE)}
    sweep = sweep_of("abs(x + 1e-20 - 1) + y", x=1, y=1)
    assert met_by_rounding(sweep, found)["x"] == Settled(1.0, "50 digits")
    assert "y" not in met_by_rounding(sweep, found)
    for origin in ("50 digits", "", "nearer side"):
        assert met_by_rounding(sweep, {"x": Settled(1.0, origin)}) == {}
    assert met_by_rounding(sweep_of("relu(x) - relu(-x)", x=0), {"x": Settled(1.0, BOTH_SIDES)}) == {}


def test_unchecked_gradients_have_the_slopes_of_both_sides():
    sweep = sweep_of("abs(x)", x=0)
    assert settle_unchecked(sweep, {"x": 5.0})["x"].gradient == 1.0
    steep = sweep_of("sqrt(abs(x))", x=0)
    assert math.isnan(settle_unchecked(steep, {"x": 5.0})["x"].gradient)
    unknown = sweep_of("where(x > 0, x*sin(1/x), 0)", x=0)
    assert settle_unchecked(unknown, {"x": 5.0}) == {}


def test_rungs_above_the_first_are_climbed_up_to_a_size(monkeypatch):
    """Of the cosine's terms the third counts here, and two are kept at first."""
    sweep = sweep_of("where(x > 0, (cos(x) - 1 + x^2/2)/x^3, 0)", x=0)
    assert sides_of(sweep).right == pytest.approx(1 / 24, rel=1e-15)
    nodes, count = len(sweep.graph.ops), 4
    monkeypatch.setattr(kinks, "_LADDER", ((50, 2), (50, count)))
    monkeypatch.setattr(kinks, "_MOST_WORK", nodes * count**3 - 1)
    assert math.isnan(sides_of(sweep).right)


# ---- the chain rule, where slopes have constants too long to be compared ----


def beside(program, **point):
    """Return a graph, and its values at the point, on the left and on the right."""
    sweep = sweep_of(program, **point)
    around, m = kinks._Beside(sweep, 0), kinks._series(50, 4)
    return sweep.graph, [around._primal("x", m, side) for side in (0, -1, 1)], m


@pytest.mark.parametrize(
    ("program", "goes"),
    [
        ("x^2 + 3*x + 1", True),
        ("exp(x)", True),
        ("sin(x + 1)", True),
        ("abs(x)", False),
        ("x*abs(x)", True),
        ("sign(x)", False),
        ("where(x >= 0, 1, 0)", False),
        ("where(x > 0, 1, 0)", False),
        ("sign(x)^2", False),
        ("cbrt(x)", False),
        ("abs(x)^1.5", True),
        ("where(x > 0, 1/x^2, x)", False),
        ("where(x > 0, x*sin(1/x), 0)", False),
        ("x*0 + 2", True),
        ("relu(x) - relu(-x)", True),
    ],
)
def test_series_on_both_sides_that_are_those_of_one_function(program, goes):
    graph, values, _ = beside(program, x=0)
    at = [primal[graph.output] for primal in values]
    assert kinks._goes_through(*at) == goes


def test_what_is_unknown_below_the_slope_does_not_matter():
    m = kinks._series(50, 4)
    t, x = m.beside(0.0, 1), m.beside(0.0, -1)
    unknown = {key: m._unknown(key) for key in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]}
    for key, goes in [((0, 0), False), ((0, 1), False), ((1, 0), False), ((1, 1), True), ((2, 0), True)]:
        assert kinks._goes_through(m.zero, x + unknown[key], t + unknown[key]) == goes
        assert kinks._goes_through(m.zero, x, t + unknown[key]) == goes
        assert kinks._goes_through(m.zero, x + unknown[key], t) == goes
    assert kinks._goes_through(m.zero, x, t)
    assert not kinks._goes_through(m.one, x, t)
    assert not kinks._goes_through(m.zero, x, t + 1)
    assert not kinks._goes_through(m.zero, x + 1, t)
    assert not kinks._goes_through(m.zero, x, t * 2)
    assert not kinks._goes_through(m.zero, t, t)
    assert not kinks._goes_through(m.zero, m.zero, t)
    assert not kinks._goes_through(m.zero, x, m.zero)
    assert kinks._goes_through(m.zero, m.zero, m.zero)


def test_a_condition_goes_through_where_it_holds_on_both_sides_and_between():
    yes, no, edge = Condition(True, False), Condition(False, False), Condition(True, True)
    assert kinks._goes_through(yes, yes, edge)
    assert kinks._goes_through(no, no, no)
    for at in ((yes, yes, no), (yes, no, yes), (no, yes, yes), (yes, no, no), (no, no, yes), (no, yes, no)):
        assert not kinks._goes_through(*at)


@pytest.mark.parametrize(
    ("program", "point", "smooth"),
    [
        ("abs(x)", {"x": 0}, False),
        ("exp(abs(x))", {"x": 0}, False),
        ("abs(x)*x", {"x": 0}, True),
        ("max(x, x)", {"x": 0}, True),
        ("(x - y) + atan2(x - y, -1)^y", {"x": 0, "y": 4}, True),
        ("(x - y) + atan2(x - y, -1)^y + abs(x)", {"x": 0, "y": 4}, False),
        ("(x - y) + atan2(x - y, -1)^y + where(y < 5, x, abs(x))", {"x": 0, "y": 4}, True),
        ("where(x < 1, (x - y) + atan2(x - y, -1)^y, abs(x))", {"x": 0, "y": 4}, True),
        ("where(x < 0, (x - y) + atan2(x - y, -1)^y, abs(x))", {"x": 0, "y": 4}, False),
    ],
)
def test_whether_a_program_is_smooth_by_the_chain_rule(program, point, smooth):
    graph, (here, left, right), m = beside(program, **point)
    assert kinks._is_smooth_throughout(graph, here, left, right, m) == smooth


def test_a_test_of_smoothness_that_fails_says_no():
    def fails(error):
        raise error

    assert kinks._try(lambda _: True, None)
    for error in (ValueError(), ZeroDivisionError(), UndecidedError()):
        assert not kinks._try(lambda _, error=error: fails(error), None)


@pytest.mark.parametrize(
    ("program", "point", "expected"),
    [
        ("where(x > 0, log(y), x)", {"x": 0, "y": -1}, (1.0, None)),
        ("where(x < 0, log(y), x)", {"x": 0, "y": -1}, (None, 1.0)),
        ("where(x > 0, log(y), x)", {"x": 1, "y": -1}, (None, None)),
        ("where(x < 0, 0, x*sqrt(1 - (sin(y)^2 + cos(y)^2)))", {"x": 0, "y": 0.5}, (0.0, NAN)),
    ],
)
def test_what_has_no_value_at_the_point_may_be_read_on_one_side(program, point, expected):
    assert repr(sides_of(sweep_of(program, **point))[:2]) == repr(expected)


def test_operands_that_move_with_one_input():
    for program, share in [
        ("max(sin(x), y)", False),
        ("max(sin(x), cos(x))", True),
        ("max(x*y, exp(y))", True),
        ("max(exp(sin(x)), 2)", False),
        ("atan2(2, 3) + x", False),
    ]:
        graph = lower_source(read_source(program))
        assert kinks._share_inputs(graph, graph.output) == share
