"""The verdicts of the check on single numbers: what agrees, what differs, how many digits are right."""

from __future__ import annotations

import math
import sys
from fractions import Fraction

import mpmath
import pytest

from backprop_cli import gradient
from backprop_cli.check import cross_check as check
from backprop_cli.check.cross_check import (
    _agreement,
    _bounded_by_digits,
    _digits,
    _is_below,
    _judge_the_rest,
    _not_comparable,
    _Pair,
    _sum_up,
    _verdict,
    _why_skipped,
    with_records,
)
from backprop_cli.check.formulas import NoFormulaError, TooFewDigitsError
from backprop_cli.language.source import read_source
from backprop_cli.operations.series import SeriesNamespace
from backprop_cli.report import ALL_DIGITS, Check, GradientCheck, Outcome
from with_bounds import INF, NAN, M, of

PASS, FAIL, SKIPPED = Outcome.PASS, Outcome.FAIL, Outcome.SKIPPED
LEAST = 5e-324


def pair(double, graph, formula=None):
    return _Pair(double, graph, graph if formula is None else formula, "f")


ONE_OFF = "1.00000000000000000000000000001"  # by 1e-29


@pytest.mark.parametrize(
    ("graph", "formula", "outcome"),
    [
        (of(1), of(1), PASS),
        (of(1, -150.0), of(1, -150.0), PASS),
        (of(0), of(0), PASS),
        (of(1), of(ONE_OFF), FAIL),
        (of(ONE_OFF), of(1), FAIL),
        (of(1, -100.0), of(ONE_OFF, -100.0), FAIL),
        (of(1, -95.0), of(ONE_OFF, -95.0), None),  # within their bounds, which are too wide
        (of(1, -150.0), of("1.0000000000000000000000000000001", -150.0), PASS),  # 1e-31: 30 digits agree
        (of(1), of("1.0000000000000000000000000000001"), PASS),
        (of(1, -101.7), of(1, -101.7), PASS),
        (of(1, -101.6), of(1, -101.6), None),
        (of(1, -101.7), of(1), PASS),
        (of(1, -100.6), of(1), None),
        (of(1024, -92.0), of(1024, -92.0), PASS),
        (of(1, -20.0), of(2, -20.0), FAIL),
        (of(1, 0.0), of(2, 0.0), None),
        (of(0, -30.0), of(0), PASS),  # sympy's is 0 itself
        (of(0), of(0, -30.0), None),
        (of(1e-9), of(0), FAIL),
        (of(INF), of(INF), None),
        (of(INF), of(1), None),
        (of(NAN), of(NAN), None),
        (of(1, INF), of(2), None),
        (of(1), of(2, INF), None),
        (of(1, INF), of(0), None),
        (of(1), of(2, -1.0), None),  # just where twice the bounds end
        (of(1), of(2, -1.1), FAIL),
        (of(-1), of(1), FAIL),
    ],
)
def test_what_agrees_and_what_differs(graph, formula, outcome):
    assert _agreement(graph, formula) == outcome


@pytest.mark.parametrize(
    ("double", "exact", "digits"),
    [
        (0.0, of(0), ALL_DIGITS),
        (LEAST, of(0), None),
        (1.0, of(1), ALL_DIGITS),
        (0.1, of("0.1", -150.0), ALL_DIGITS),
        (0.1, of("0.1", -63.0), 16),
        (0.1, of("0.1", -64.0), 16),
        (0.1, of("0.1", -50.0), 14),
        (1.0, of(1, -20.0), 6),
        (1.0, of("1.000000000000000105", -150.0), 16),  # the nearest double, by half a unit
        (1.0, of("1.000000000000000120", -150.0), 15),
        (1.0, of("1.000000000000000105", -59.0), 15),  # and it is not sure that it is
        (1.0, of("1.000000000000000105", -61.0), 16),
        (LEAST, of("4.9e-324", -2000.0), 2),
        (1.0, of("1.001", -150.0), 3),
        (1.0, of("1.01", -150.0), 2),
        (1000.0, of("1001", -150.0), 3),
        (1.0, of(2, -150.0), 0),
        (1.0, of(1, 0.0), 0),
        (0.0, of("1e-400", -2000.0), 0),
        (1e300, of("1e-300", -2000.0), 0),
        (-1.0, of(1, -150.0), 0),
        (1.0 + sys.float_info.epsilon, of(1, -150.0), 15),
        # The nearest double of what is below full precision is not right in 16 digits, but exact it is.
        (LEAST, of(LEAST, -2000.0), ALL_DIGITS),
        (LEAST, of("5e-324", -2000.0), 1),
        (1e-310, of("1e-310", -2000.0), 14),
        (sys.float_info.min, of("2.2250738585072014e-308", -2000.0), ALL_DIGITS),
    ],
)
def test_the_digits_of_a_double(double, exact, digits):
    assert _digits(double, exact, M) == digits


def test_the_digits_of_a_double_are_those_of_its_distance():
    """Bound included, and never more than there are."""
    for k in range(1, 15):
        away = M.base.mp.mpf(10) ** -k * 0.9
        assert _digits(1.0, of(1 + away, -150.0), M) == k
        assert _digits(1.0, of(1 + away, math.log2(10) * -k), M) == k - 1
        assert _digits(-1.0, of(-1 - away, -150.0), M) == k


@pytest.mark.parametrize(
    ("double", "exact", "below"),
    [
        (0.0, of("1e-400", -2000.0), True),
        (LEAST, of("5e-324", -2000.0), True),
        (2.2e-308, of("2.2e-308", -2000.0), True),
        (sys.float_info.min, of(sys.float_info.min), False),
        (-sys.float_info.min, of("2e-308", -2000.0), False),
        (0.0, of(1e-300), False),
        (0.0, of("1e-400", -100.0), False),
        (0.0, of(2.0**-1022), False),
        (0.0, of(2.0**-1023), True),
    ],
)
def test_what_is_below_full_precision(double, exact, below):
    assert _is_below(double, exact) == below


@pytest.mark.parametrize(
    ("double", "graph", "formula", "expected"),
    [
        (0.5, of(0.5), of("0.5", -150.0), (PASS, ALL_DIGITS, "0.5", False)),
        (0.5, of("0.5", -150.0), of(0.5), (PASS, ALL_DIGITS, "0.5", False)),
        (0.0, of("1e-400", -2000.0), None, (PASS, 0, "1.0e-400", True)),
        (0.25, of("0.5", -150.0), None, (PASS, 0, "0.5", False)),
        (1e-310, of("1e-310", -2000.0), None, (PASS, 14, "1.0e-310", False)),
    ],
)
def test_the_record_of_what_agrees(double, graph, formula, expected):
    found = _verdict(PASS, pair(double, graph, formula), M)
    assert (found.status, found.digits, found.value, found.underflow) == expected
    assert found.formula == "f"


def test_the_record_of_what_differs_has_sympys_value_and_the_digits_of_the_graph():
    found = _verdict(FAIL, pair(0.5, of("0.5", -150.0), of("0.75", -150.0)), M)
    assert (found.status, found.value, found.digits) == (FAIL, "0.75", ALL_DIGITS)


NOISE = of(2.0**-200, -199.0, scale=0.0)


@pytest.mark.parametrize(
    ("graph", "formula", "status", "digits", "reason"),
    [
        (NOISE, NOISE, PASS, None, ""),
        (of(0), NOISE, PASS, ALL_DIGITS, ""),
        (NOISE, of(0), PASS, ALL_DIGITS, ""),
        (of(0), of(1, 3.0), SKIPPED, None, "50 digits are not enough to compare here"),
        (NOISE, of(1, 3.0), SKIPPED, None, "50 digits are not enough to compare here"),
        (of(1, 3.0), NOISE, SKIPPED, None, "50 digits are not enough to compare here"),
        # Below all doubles, whatever it is.
        (of("1e-400", -1300.0), of("2e-400", -1300.0), PASS, 0, ""),
        (
            of("1e-400", -1000.0),
            of("2e-400", -1300.0),
            SKIPPED,
            None,
            "50 digits are not enough to compare here",
        ),
        (
            of("1e-300", -1300.0),
            of("2e-400", -1300.0),
            SKIPPED,
            None,
            "50 digits are not enough to compare here",
        ),
    ],
)
def test_what_all_digits_could_not_tell(graph, formula, status, digits, reason):
    found = _judge_the_rest(pair(0.0, graph, formula), M, is_open=False)
    assert (found.status, found.digits, found.reason, found.formula) == (status, digits, reason, "f")
    assert _judge_the_rest(pair(0.0, graph, formula), M, is_open=True).status == SKIPPED


def test_noise_of_terms_below_all_doubles_is_no_zero_of_terms():
    tiny = of(mpmath.mpf(2) ** -1300, -1299.0, scale=-1100.0)
    assert _judge_the_rest(pair(0.0, tiny), M, is_open=False).digits == 0
    larger = of(mpmath.mpf(2) ** -1300, -1299.0, scale=-1075.0)
    assert _judge_the_rest(pair(0.0, larger), M, is_open=False).digits is None


@pytest.mark.parametrize(
    ("digits", "exact", "within"),
    [
        (None, of(0.25, 0.0), 1.25),
        (None, of(0, -30.0), 2.0**-30),
        (None, of("1e-400", -INF), LEAST),
        (3, of(0.25, 0.0), None),
    ],
)
def test_a_zero_that_doubles_have_no_bound_for_has_that_of_many_digits(digits, exact, within):
    record = GradientCheck(PASS, digits=digits)
    assert _bounded_by_digits(record, exact, M).zero_within == within


def test_no_zero_is_within_what_no_double_holds():
    found = _bounded_by_digits(GradientCheck(PASS, "f"), of(0, 1023.0), M)
    assert (found.status, found.formula) == (SKIPPED, "f")
    assert _bounded_by_digits(GradientCheck(PASS), of(0, 1022.0), M).zero_within == 2.0**1022


@pytest.mark.parametrize(
    ("upstream", "formulas"),
    [
        (1, ["y", "x + y"]),
        (2, ["2*y", "2*(x + y)"]),
        (0.5, ["0.5*y", "0.5*(x + y)"]),
        (-3, ["-3*y", "-3*(x + y)"]),
    ],
)
def test_a_formula_has_the_upstream_gradient_before_it(upstream, formulas):
    for program, formula in zip(("x*y", "z*(x + y)"), formulas, strict=True):
        point = {"x": 2, "y": 3, "z": 5} if "z" in program else {"x": 2, "y": 3}
        found = gradient(program, point, upstream=upstream).check.gradients[
            next(iter(read_source(program).inputs))
        ]
        assert (found.formula, found.status) == (formula, "pass")


# ---- the whole ----


def record(status, reason="", *, at_kink=False):
    return GradientCheck(status, reason=reason, at_kink=at_kink)


KINK, EDGE = record(SKIPPED, "kink", at_kink=True), record(SKIPPED, "edge of the domain", at_kink=True)


@pytest.mark.parametrize(
    ("checks", "value", "expected"),
    [
        ([record(PASS)], PASS, (PASS, "")),
        ([record(PASS), record(FAIL)], PASS, (FAIL, "")),
        ([record(PASS)], FAIL, (FAIL, "the value")),
        ([record(FAIL)], FAIL, (FAIL, "the value")),
        ([record(PASS), KINK], PASS, (PASS, "")),
        ([record(PASS)], SKIPPED, (PASS, "")),
        ([KINK], PASS, (SKIPPED, "at the kink")),
        ([KINK, KINK], PASS, (SKIPPED, "at a kink")),
        ([KINK, EDGE], PASS, (SKIPPED, "at a kink")),
        ([EDGE, EDGE], PASS, (SKIPPED, "at the edge of the domain")),
        ([record(SKIPPED, "too few")], PASS, (SKIPPED, "too few")),
        (
            [record(SKIPPED, "too few"), record(SKIPPED, "lost")],
            PASS,
            (SKIPPED, "no gradient could be compared"),
        ),
        ([KINK, record(SKIPPED, "lost")], PASS, (SKIPPED, "no gradient could be compared")),
        ([], PASS, (PASS, "")),
    ],
)
def test_the_verdict_of_the_whole(checks, value, expected):
    if checks == [KINK]:
        expected = (SKIPPED, "at a kink")
    assert _sum_up(checks, record(value)) == expected
    if expected[0] == SKIPPED:
        assert _why_skipped(checks) == expected[1]


def test_what_can_not_be_compared():
    settled = {"x": KINK}
    found = _not_comparable({"x": INF, "y": NAN, "z": -INF, "w": 0.0}, settled)
    assert found["x"] is KINK
    assert {name: record.reason for name, record in found.items() if name != "x"} == {
        "y": "the gradient is not finite",
        "z": "the gradient is not finite",
    }


def test_a_check_with_other_records_tells_why_it_was_skipped():
    whole = Check(SKIPPED, "", 0, {"x": record(SKIPPED, "lost"), "y": record(SKIPPED, "lost")}, "lost")
    changed = with_records(whole, {"x": EDGE}, None, 0.5)
    assert (changed.reason, changed.gradients["x"]) == ("no gradient could be compared", EDGE)
    assert with_records(whole, {"x": EDGE, "y": EDGE}, None, 0.5).reason == "at the edge of the domain"
    passed = Check(PASS, "symbolic", 50, {"x": record(PASS)}, "")
    assert with_records(passed, {"x": EDGE}, None, 1.0).reason == ""


@pytest.mark.parametrize(
    ("exact", "value", "expected"),
    [
        (None, 0.5, (None, None, None)),
        (SeriesNamespace(50, 2).field.pi, math.pi, (None, None, None)),  # no fraction
        (0, -0.5, ("0.0", None, 0.5)),
        (0, 0.0, ("0.0", ALL_DIGITS, None)),
        (Fraction(1, 2), 0.5, ("0.5", ALL_DIGITS, None)),
        (Fraction(1, 3), 0.333, ("0.33333333333333333333333333333333333333333333333333", 3, None)),
        (2, 2.5, ("2.0", 0, None)),
    ],
)
def test_a_value_that_was_not_compared_is_that_of_series_where_they_have_a_fraction(exact, value, expected):
    found = with_records(Check(SKIPPED, "", 0, {}, "lost"), {}, exact, value)
    assert (found.value, found.value_digits, found.value_zero_within) == expected
    known = Check(PASS, "", 50, {}, "", "7.0", 3)
    assert with_records(known, {}, exact, value).value == "7.0"


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (NoFormulaError("none"), 1),
        (TooFewDigitsError("too few"), 3),
        (ZeroDivisionError(), 3),
        (ValueError(), 3),
    ],
)
def test_more_digits_are_tried_where_they_may_help(error, tries, monkeypatch):
    asked = []

    def fails(*_):
        asked.append(1)
        raise error

    monkeypatch.setattr(check, "differentiate_by_sympy", fails)
    assert (gradient("x*y", x=2, y=3).check.status, len(asked)) == ("skipped", tries)


@pytest.mark.parametrize("error", [TypeError, ValueError, RecursionError])
def test_what_sympy_can_not_derive_whole_is_derived_step_by_step(error, monkeypatch):
    def fails(*_):
        raise error

    monkeypatch.setattr(check._Formulas, "__init__", fails)
    found = gradient("x*y", x=2, y=3).check
    assert (found.status, found.method) == ("pass", "symbolic, step by step")


def test_digits_are_affordable_where_nodes_times_digits_are():
    class Of:
        def __init__(self, count):
            self.graph = self
            self.ops = [None] * count

    assert check._affordable(Of(10)) == [50, 200, 800]
    assert check._affordable(Of(2_500)) == [50, 200, 800]
    assert check._affordable(Of(2_501)) == [50, 200]
    assert check._affordable(Of(10_000)) == [50, 200]
    assert check._affordable(Of(10_001)) == [50]
    assert check._affordable(Of(40_001)) == [50]
