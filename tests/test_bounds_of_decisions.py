"""The bounds of decisions, texts and constants, to the last bit."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from backprop_cli.operations.bounded import _is_ratio, bounded_floats, bounded_reals
from test_bounds import INF, MP, REALS, UNIT, of, plain, same

# ---- decisions ----


@pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "eq"])
def test_a_comparison_is_sure_where_the_bounds_are_apart(name):
    compare = getattr(REALS, name)
    holds = {"lt": 1, "le": 1, "gt": 0, "ge": 0, "eq": 0}[name]
    for x, y, error in [
        (of(1.0), of(2.0), -INF),
        (of(1.0, -1.1), of(2.0, -1.1), -INF),
        (of(1.0, -1.0), of(2.0, -1.0), 0.0),
        (of(1.0, -INF), of(2.0, 0.5), 0.0),
    ]:
        found = compare(x, y)
        assert (found.value, found.error) == (holds, error)
    x = of(0.1, -20.0)
    assert compare(x, x).is_exact
    assert compare(of(1.0), of(1.0)).is_exact
    assert not compare(x, of(0.1, -20.0)).is_exact


def test_both_conditions_are_sure_where_one_settles_it():
    yes, no, open_yes, open_no = of(1.0), of(0.0), of(1.0, 0.0), of(0.0, 0.0)
    for p, q, value, sure in [
        (yes, yes, 1, True),
        (yes, no, 0, True),
        (no, open_yes, 0, True),
        (open_yes, no, 0, True),
        (yes, open_yes, 1, False),
        (open_yes, yes, 1, False),
        (open_no, yes, 0, False),
        (open_no, open_no, 0, False),
        (True, False, 0, True),
        (True, True, 1, True),
    ]:
        found = REALS.both(p, q)
        assert (found.value, found.is_exact) == (value, sure)


@pytest.mark.parametrize(
    ("x", "error", "whole", "sure"),
    [
        (3.0, -INF, 1, True),
        (2.5, -INF, 0, True),
        (3.0, -90.0, 1, False),
        (2.75, -3.0, 0, True),
        (2.75, -2.0, 0, False),
        (INF, -INF, 0, True),
    ],
)
def test_whole_numbers(x, error, whole, sure):
    found = REALS.is_integer(of(x, error))
    assert (found.value, found.is_exact) == (whole, sure)


def test_a_branch_that_may_be_the_other_is_off_by_the_distance():
    x, y = of(3.0, -40.0), of(8.0, -30.0)
    assert REALS.where(of(1.0), x, y) is x
    assert REALS.where(of(0.0), x, y) is y
    assert REALS.where(True, x, y) is x
    for p, chosen, other in ((of(1.0, 0.0), x, y), (of(0.0, 0.0), y, x)):
        found = REALS.where(p, x, y)
        assert found.value == chosen.value
        assert same(found.error, 5 + plain(other.error))
    near = of(3.0, -30.0)
    assert REALS.where(of(1.0, 0.0), x, near).error == -30
    assert REALS.where(of(0.0, 0.0), x, near).error == -30
    assert REALS.where(of(1.0, 0.0), of(3.0, -20.0), near).error == -20
    assert REALS.where(of(1.0), True, False).value == 1


def test_the_best_operand_moves_no_further_than_its_rivals():
    a, b, c = of(1.0, -40.0), of(2.0, -3.0), of(1.96, -10.0)
    assert REALS.max(a, a) is a
    assert REALS.min(a, b) is a
    assert REALS.max(a, of(2.0, -40.0)).error == -40
    for found in (REALS.max(a, b, c), REALS.max(c, b)):
        assert (found.value, found.error) == (2, -3)
    assert REALS.min(-b, -c).error == -3
    assert REALS.max(of(2.0, -30.0), of(2.0, -12.0)).error == -12
    noise = REALS.max(of(2.0**-20, -20.0, scale=3.0), of(2.0**-21, -20.0, scale=9.0))
    assert noise.scale == 9


# ---- texts, fractions ----


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (-INF, "0.333251953125"),
        (-1.0, None),
        (-4.0, None),
        (-8.0, None),
        (-8.3, "0.3"),
        (-11.5, "0.3"),
        (-11.6, "0.33"),
        (-45.0, "0.333251953125"),
    ],
)
def test_a_number_is_written_to_the_digits_that_are_certain(error, text):
    assert REALS.certain_text(of(1365 / 4096, error)) == text


@pytest.mark.parametrize(
    ("fraction", "ratio"),
    [(Fraction(3, 8), True), (Fraction(1, 3), False), (Fraction(-48), True), (Fraction(0), True)],
)
def test_fractions_are_exact_where_they_fit(fraction, ratio):
    m = bounded_reals(30)
    found = m.number(fraction)
    assert found.is_exact == ratio
    assert _is_ratio(found.value, abs(fraction)) == ratio
    assert not _is_ratio(found.value, fraction + 1)
    assert m.number(fraction) is found
    assert ratio or same(found.error, 4 * UNIT / 3)


@pytest.mark.parametrize("digits", [6, 30, 50])
@pytest.mark.parametrize("name", ["pi", "ln2", "ln10"])
def test_constants_are_off_by_a_unit(name, digits):
    found = getattr(bounded_reals(digits), name)
    assert same(found.error, MP.mpf(10) ** -(digits + 9) * abs(MP.mpf(found.value)))


def test_pi_in_doubles_is_off_by_a_rounding():
    found = bounded_floats().pi
    assert (found.value, found.error) == (math.pi, pytest.approx(math.log2(math.pi) - 53))
