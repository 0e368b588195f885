"""Where rounding, underflow or a decision too close to call could make a sentence false.

What is true was computed with mpmath at 120 digits or more, or is the analytic derivative.
"""

import math

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli import DomainError, gradient
from backprop_cli.expect.expectations import read_expectation
from backprop_cli.expect.facts import read_claims
from backprop_cli.expect.verify import verify_source
from backprop_cli.language.source import choose_point, read_source
from backprop_cli.render.table import right_numbers, summary
from backprop_cli.text import decimal_text


def last_line(report):
    """Return the last line that grad prints."""
    return summary(report, None)[0]


def repeated(step, times):
    return "; ".join([step] * times)


# ---- noise is told as noise ----

NO_DIGIT = [
    ("(1-cos(x))/x^2", {"x": 1e-9}, -8.3333333333333339e-11),
    ("(1-cos(x))/x^2", {"x": 1e-100}, -8.3333333333333339e-102),
    ("(exp(x)-1)/x", {"x": 1e-15}, 0.50000000000000033),
    ("(exp(x)-1)/x", {"x": 1e-17}, 0.5),
    ("log(1+x)/x", {"x": 1e-17}, -0.49999999999999999),
    ("(sqrt(1+x)-1)/x", {"x": 1e-15}, -0.12499999999999987),
    ("((2+h)^2-4)/h", {"h": 1e-15}, 1.0),
    ("((2+h)^3-8)/h", {"h": 1e-16}, 6.0),
    ("(exp(1+h)-exp(1))/h", {"h": 1e-15}, 1.3591409142295235),
    ("(sin(1+h)-sin(1))/h", {"h": 1e-15}, -0.42073549240394825),
    ("(x - sin(x))/x^3", {"x": 1e-9}, -1.6666666666666667e-11),
    ("(tan(x) - x)/x^3", {"x": 1e-9}, 2.6666666666666668e-10),
    ("1e20*(1-cos(x))/x^2 + x", {"x": 1e-9}, -8333333332.3333340),
    ("(cosh(x)-1)/x^2", {"x": 1e-9}, 8.3333333333333339e-11),
    ("y = x + 1e-9; (y - sin(y))/y^3", {"x": 0}, -1.6666666666666667e-11),
]


@pytest.mark.parametrize(("program", "point", "true"), NO_DIGIT)
def test_a_gradient_without_a_right_digit_is_not_called_zero(program, point, true):
    report = gradient(program, point)
    ((name, found),) = report.check.gradients.items()
    assert abs(report.gradients[name] - true) > abs(true) / 10
    assert (found.status, found.digits, found.zero_within) == ("pass", 0, None)
    assert float(found.value) == pytest.approx(true, rel=1e-12)
    assert "but no digit right at worst" in last_line(report)
    *_, warning = [notice for notice in report.warnings if notice.kind == "digits"]
    assert f" of the gradient with respect to {name} " in warning.message


def test_the_quadratic_formula_loses_two_gradients():
    report = gradient("(-b+sqrt(b^2-4*a*c))/(2*a)", a=1, b=1e9, c=1)
    checks = report.check.gradients
    assert checks["a"].digits == checks["b"].digits == 0
    assert float(checks["a"].value) == pytest.approx(-1.0e-27, rel=1e-9)
    assert float(checks["b"].value) == pytest.approx(1.0e-18, rel=1e-9)
    assert "all digits right" not in last_line(report)


# x -> 4x(1 - x) and x -> x² - 2 double an error at every step.
CHAOS = [
    ("x = 4*x*(1-x)", 30, 509562527.49489936, 6),
    ("x = 4*x*(1-x)", 36, 37542473656.880216, 5),
    ("x = x^2-2", 46, -38028763725909.127, 2),
]


@pytest.mark.parametrize(("step", "times", "true", "digits"), CHAOS)
def test_chaos_has_the_digits_that_it_has(step, times, true, digits):
    report = gradient(repeated(step, times), x=0.3)
    found = report.check.gradients["x"]
    assert float(found.value) == pytest.approx(true, rel=1e-12)
    assert found.digits == digits == math.floor(-math.log10(abs(report.gradients["x"] / true - 1)))
    assert found.zero_within is None


@pytest.mark.parametrize("times", [60, 90])
def test_chaos_without_a_right_digit_says_so(times):
    found = gradient(repeated("x = 4*x*(1-x)", times), x=0.3).check.gradients["x"]
    assert (found.status, found.digits, found.zero_within) == ("pass", 0, None)


# ---- zero is told where it is zero ----


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("(w*x - y)^2", {"w": 0.1, "x": 3, "y": 0.3}),
        ("(w*x - y)^2 + (w*u - z)^2", {"w": 0.1, "x": 3, "y": 0.3, "u": 7, "z": 0.7}),
        ("cos(pi*x)", {"x": 1}),
        ("(sigmoid(w) - t)^2", {"w": 1, "t": 0.7310585786300049}),
    ],
)
def test_an_optimum_is_zero_to_within_rounding(program, point):
    report = gradient(program, point)
    for name, found in report.check.gradients.items():
        assert found.digits is None
        assert abs(report.gradients[name]) <= found.zero_within < 1e-14
        assert abs(float(found.value or 0)) <= found.zero_within
    # The value, 3e-33 for 8e-34, is told for what it is.
    end = "but no digit of the value right" if program.endswith("^2") else "zero to within rounding"
    assert last_line(report).endswith(f"all confirmed by sympy, {end}")


def test_the_last_line_tells_zeros_beside_right_digits():
    report = gradient("cos(pi*x) + 2*y", x=1, y=5)
    assert last_line(report).endswith("all digits right, 1 zero to within rounding")


@pytest.mark.parametrize("program", ["log(x^2) - 2*log(x)", "atan(x) + atan(1/x)", "sin(x)^2 + cos(x)^2"])
def test_a_gradient_that_is_zero_is_not_off_by_digits(program):
    report = gradient(program, x=0.3)
    found = report.check.gradients["x"]
    assert found.digits == 16 or found.zero_within >= abs(report.gradients["x"])
    assert found.value in ("0.0", None)  # proved, or nothing is left of its terms in 800 digits


@pytest.mark.parametrize(
    "program", ["(sin(x)^2 + cos(x)^2 - 1)^2", "(exp(log(x)) - x)^2", "(sqrt(2)*sqrt(2)*x - 2*x)^2"]
)
def test_squares_of_what_cancels_are_compared(program):
    check = gradient(program, x=0.7).check
    assert (check.status, check.gradients["x"].status) == ("pass", "pass")
    assert float(check.gradients["x"].value) == 0


# ---- the value is judged as gradients are ----

VALUES = [
    ("a*d - b*c", {"a": 100000001, "b": 100000000, "c": 100000000, "d": 99999999}, "v3", -1.0),
    ("1 - cos(x)", {"x": 1e-9}, "v2", 5.0000000000000006e-19),
    ("1 - cos(x)", {"x": 1e-100}, "v2", 5e-201),  # 50 digits are not enough
    ("sinh(x)^2 - cosh(x)^2", {"x": 30}, "v5", -1.0),
    ("(x + 1e16) - 1e16", {"x": 1.2345}, "v1", 1.2344999999999999),
    ("log(1 - exp(-x))", {"x": 50}, "v4", -1.9287498479639178e-22),
    ("1 - cos(1e-9)", {}, "v1", 5e-19),
]


@pytest.mark.parametrize(("program", "point", "node", "true"), VALUES)
def test_a_value_without_a_right_digit_is_told(program, point, node, true):
    report = gradient(program, point)
    check = report.check
    assert (check.status, check.value_digits, check.value_zero_within) == ("pass", 0, None)
    assert float(check.value) == pytest.approx(true, rel=1e-14)
    assert all(found.digits == 16 for found in check.gradients.values())
    (warning,) = report.warnings
    assert warning.message.startswith(f"no digit of the value is right; the digits were lost at {node}")
    assert last_line(report).endswith("no digit of the value right")
    (right,) = right_numbers(report, 6)
    assert right == f"{report.output} = {decimal_text(repr(true))}"


@pytest.mark.parametrize(
    ("program", "point", "digits"),
    [
        ("relu(x)", {"x": -2}, 16),
        ("x - x", {"x": 0.3}, 16),
        ("x + y", {"x": 0.1, "y": 0.2}, 16),
        ("log(x)", {"x": 1.0000001}, 16),
        ("sin(pi*x)", {"x": 1}, None),
        ("sin(pi)", {}, None),
        ("(x + 1) - 1", {"x": 1e-10}, 7),
    ],
)
def test_the_digits_of_the_value_are_counted(program, point, digits):
    report = gradient(program, point)
    assert report.check.value_digits == digits
    assert (report.check.value_zero_within is None) == (digits is not None)
    assert ("all digits right" in last_line(report)) == (digits == 16)


def test_the_last_line_claims_no_more_than_value_and_gradients_have():
    report = gradient("x + y + z", x=0.1, y=0.2, z=0.3)
    assert {found.digits for found in report.check.gradients.values()} == {16}
    assert report.check.value_digits == 15
    assert last_line(report).endswith("all confirmed by sympy, 15 or more digits right")
    at_kink = gradient("abs(x) + (1 - cos(1e-9))", x=0)
    assert last_line(at_kink).endswith("not checked: at a kink; no digit of the value right")


@given(st.floats(1e-12, 1.0))
def test_no_digit_of_the_value_is_claimed_that_it_has_not(x):
    with mpmath.workdps(60):
        exact = mpmath.mpf(x)
        for program, true in (("1 - cos(x)", 1 - mpmath.cos(exact)), ("exp(x) - 1", mpmath.expm1(exact))):
            report = gradient(program, x=x)
            digits = report.check.value_digits
            lost = abs(report.value - true) / true
            assert lost <= (2.0**-53 if digits == 16 else mpmath.mpf(10) ** -digits)
            assert digits == 16 or lost > mpmath.mpf(10) ** -(digits + 1)


def test_no_digit_is_shown_that_is_not_certain():
    # The larger terms cancel to 34 digits of 50.
    text = gradient("(x + 1e25) - 1e25", x=0.1).check.value
    assert mpmath.mpf(text) == mpmath.mpf(0.1)


def test_numbers_that_are_right_stand_below_the_verdict(backprop):
    done = backprop("grad", "(1-cos(x))/x^2", "x=1e-9")
    assert done.stdout.splitlines()[-1] == "right: ∂v4/∂x = -8.33333e-11, v4 = 0.5"
    done = backprop("grad", "(1-cos(x))/x^2", "x=1e-9", "--upstream", "3", "--format", "markdown")
    assert done.stdout.splitlines()[-1] == "right: the gradient with respect to x = -2.5e-10, v4 = 0.5"
    done = backprop("check", "1-cos(x)", "x=1e-9", "--expect", "x=sin(x)")
    assert done.stdout.splitlines()[-1] == "right: v2 = 5e-19"
    assert "right: " not in backprop("grad", "1-cos(x)", "x=1").stdout


# ---- infinity and NaN agree with nothing ----

PARALLEL = [(1, 3, 2, 6), (1, 3, 1, 3), (1, 2, 2, 4), (2, 3, 4, 6), (1, 1, 3, 3), (3, 1, 6, 2), (1, 5, 2, 10)]


@pytest.mark.parametrize(("a", "b", "c", "d"), PARALLEL)
@pytest.mark.parametrize(
    "program",
    [
        "acos((a*c+b*d)/(sqrt(a^2+b^2)*sqrt(c^2+d^2)))",
        "acos((a*c+b*d)/(hypot(a,b)*hypot(c,d)))",
        "1 - (a*c+b*d)/(hypot(a,b)*hypot(c,d))",
    ],
)
def test_the_angle_of_parallel_vectors_is_never_confirmed_wrongly(program, a, b, c, d):
    try:
        report = gradient(program, a=a, b=b, c=c, d=d)
    except DomainError:  # by rounding the operand is above 1
        return
    for found in report.check.gradients.values():
        assert found.status in ("pass", "skipped")
        assert found.status == "skipped" or found.zero_within is not None or float(found.value) == 0


def test_an_infinite_slope_in_more_digits_is_no_agreement():
    report = gradient("sqrt(1-a/(sqrt(a)*sqrt(b)))", a=2, b=2)
    assert {found.status for found in report.check.gradients.values()} == {"skipped"}


# ---- doubles that overflow or underflow on the way ----


@pytest.mark.parametrize("n", [-1, -2, -3])
@pytest.mark.parametrize("x", [1e-160, 0.5, 1e-100])
@pytest.mark.parametrize("program", ["1/x^n", "1/x^(n*300)", "x^n/x^(2*n)"])
def test_extreme_powers_raise_nothing(program, x, n):
    try:
        check = gradient(program, x=x, n=n).check
    except DomainError:  # the value overflows
        return
    assert check.status in ("pass", "skipped")


def test_nothing_is_confirmed_where_more_digits_have_no_value():
    check = gradient("(-1)^hypot(ceil(tan(x)), -1e-82)", x=1).check
    assert (check.status, check.value) == ("skipped", None)
    assert check.reason == "computed with more digits, the value does not exist"


# ---- underflow is never exact ----

TOO_SMALL = [
    ("1/x", {"x": 1e300}, "-1e-600"),
    ("x^3", {"x": 7e-308}, "1.47e-614"),
    ("tanh(x)", {"x": 710}, "8.01486e-617"),
    ("tanh(x)", {"x": 1000}, "1.03061e-868"),
    ("erfc(x)", {"x": 710}, "-1.60003e-218928"),
    ("5e-324/y", {"y": 2}, "-1.23516e-324"),
    ("sigmoid(x)", {"x": 800}, "3.66787e-348"),
    ("sigmoid(x)", {"x": -800}, "3.66787e-348"),
    ("exp(-x)", {"x": 1e9}, "-1.24953e-434294482"),
    ("sin(atan(y))", {"y": 1e160}, "1e-480"),
    ("x*1e-160*1e-160", {"x": 1}, "1e-320"),
]


@pytest.mark.parametrize(("program", "point", "true"), TOO_SMALL, ids=str)
def test_what_is_too_small_for_doubles_has_no_digits_but_is_told(program, point, true):
    report = gradient(program, point)
    ((name, found),) = report.check.gradients.items()
    assert (found.status, found.underflow, found.zero_within) == ("pass", True, None)
    assert found.digits < 5
    assert decimal_text(found.value, 6) == true
    assert last_line(report).endswith("too small for a double")
    assert right_numbers(report, 6)[0].endswith(f"∂{name} = {true}")


@pytest.mark.parametrize("program", ["exp(-x)", "erfc(x)", "softplus(-x)", "erf(x)", "2^(-x)", "gelu(-x)"])
@pytest.mark.parametrize("x", [3e37, 1e51, 1e141])
def test_a_number_of_which_only_a_bound_is_known_is_not_told_as_zero(program, x):
    report = gradient(program, x=x)
    found = report.check.gradients["x"]
    assert (found.status, found.digits, found.underflow, found.value) == ("pass", 0, True, None)
    assert (report.check.value is None) == (report.value == 0)
    assert last_line(report).endswith("too small for a double")


def test_a_slope_below_all_doubles_is_found_beyond_an_infinite_one():
    report = gradient("erf(1/x)", x=3e-200)
    assert report.gradients["x"] == 0
    found = report.check.gradients["x"]
    assert (found.status, found.digits, found.underflow) == ("pass", 0, True)


@pytest.mark.parametrize("program", ["0*exp(x)", "relu(x)", "x - x", "x^3*y"])
def test_a_zero_that_is_proved_has_all_digits(program):
    report = gradient(program, {"x": -0.5, **({"y": 0} if "y" in program else {})})
    found = report.check.gradients["x"]
    assert (found.value, found.digits, found.underflow) == ("0.0", 16, False)
    assert last_line(report).endswith("all digits right")


def test_what_a_unit_in_the_last_place_of_the_inputs_does_not_turn_is_no_zero():
    for program, x in (("((x+1)-1)^2", 1e-70), ("log(log1p(x)/x)", 2e-203)):
        found = gradient(program, x=x).check.gradients["x"]
        assert (found.digits, found.zero_within) == (0, None)


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("1-cos(x)", {"x": 1e-25}),
        ("exp(x)-exp(y)", {"x": 1, "y": 1 + 2**-52}),
        ("acos(expm1(100*x))", {"x": -1.1}),
    ],
)
def test_every_digit_that_is_told_is_right(program, point):
    report = gradient(program, point)
    with mpmath.workdps(150):
        for told, true in ((report.check.value, _evaluated(program, point)),):
            unit = mpmath.mpf(10) ** (mpmath.floor(mpmath.log10(abs(true))) + 1 - len(_figures(told)))
            assert abs(mpmath.mpf(told) - true) <= unit


def _figures(decimal):
    return decimal.lower().partition("e")[0].replace(".", "").lstrip("-0")


def _evaluated(program, point):
    names = {name: getattr(mpmath, name) for name in ("cos", "exp", "acos", "expm1")}
    return eval(program, names, {name: mpmath.mpf(x) for name, x in point.items()})


# ---- decisions that their bounds leave open ----


@pytest.mark.parametrize(
    ("program", "point", "true"),
    [
        ("((1+exp(-x))-1)^2", {"x": 200}, -3.8303391934280114e-174),
        ("((x+1)-1)^2", {"x": 1e-70}, 2.0e-70),
        ("((x+1)-1)^1.5", {"x": 1e-70}, 1.5e-35),
        ("(1-(1-p))^2", {"p": 1e-70}, 2.0e-70),
        ("relu((x+1)-1)^2", {"x": 1e-70}, 2.0e-70),
        ("abs((x+1)-1)^3", {"x": 1e-70}, 3.0e-140),
        ("max((x+1)-1, x/2)^2", {"x": 1e-70}, 2.0e-70),
        ("hypot((x+1)-1, 0)^2", {"x": 1e-70}, 2.0e-70),
    ],
)
def test_no_false_alarm_where_a_decision_takes_more_digits(program, point, true):
    report = gradient(program, point)
    check = report.check
    assert check.status != "fail"
    for name, found in check.gradients.items():
        if found.origin == "both sides":
            assert report.gradients[name] == pytest.approx(true, rel=1e-15)
        elif found.status == "pass":
            assert float(found.value) == pytest.approx(true, rel=1e-12)
            assert found.digits in (None, 0)


def test_a_condition_in_more_digits_is_no_failure():
    report = gradient("where(1+x>1, x, 2*x)", x=1e-70)
    assert (report.check.status, report.gradients["x"]) == ("pass", 1.0)  # from both sides
    check = gradient("where(1+x>=1, x, 2*x) + y", x=-1e-70, y=1).check
    assert check.status != "fail"


@pytest.mark.parametrize(
    ("program", "x", "slope"),
    [
        ("log(expm1(x))", 1e-70, 1e70),
        ("log((1+expm1(x))-1)", 1e-70, None),
        ("x^y/x", 1e-70, None),
        ("sqrt(cosh(x)-1)", 1e-40, None),
        ("asin(1-x)", 1e-70, None),
        ("x/((1+x)-1)", 1e-70, None),
    ],
)
def test_more_digits_are_tried_where_a_value_takes_them(program, x, slope):
    try:
        check = gradient(program, {"x": x, **({"y": 2} if "y" in program else {})}).check
    except DomainError:  # doubles have no value here
        return
    assert check.status in ("pass", "skipped")
    if slope:
        assert check.status == "pass"
        assert float(check.gradients["x"].value) == pytest.approx(slope)


# ---- expectations ----


def verdict(program, point, text):
    source = read_source(program, point)
    expectation = read_expectation(text, source)
    return verify_source(source, choose_point(source, point), [expectation]).verdicts[0]


@pytest.mark.parametrize(("program", "point", "true"), NO_DIGIT)
def test_check_takes_what_is_right_and_no_noise(program, point, true):
    ((name, noise),) = gradient(program, point).gradients.items()
    assert verdict(program, point, f"{name}={true!r}").status == "pass"
    assert verdict(program, point, f"{name}={noise!r}").status == "fail"


def test_an_expectation_that_digits_do_not_decide_says_so():
    program, point = "acos((a*c+b*d)/(hypot(a,b)*hypot(c,d)))", {"a": 1, "b": 3, "c": 1, "d": 3}
    found = verdict(program, point, "value=0")
    assert (found.status, found.expected, found.diagnosis) == ("fail", 0, "more digits do not decide it")


def test_a_kink_met_by_rounding_accepts_what_grad_shows_alone():
    point = {"x": 0.1, "y": 0.2, "z": 0.30000000000000004}
    program = "relu(x + y - z)"
    assert verdict(program, point, "x=0").status == "pass"
    assert verdict(program, point, "x=0.7").status == "fail"


@pytest.mark.parametrize(("program", "x"), [("floor(x)", 0.5), ("ceil(x)", -0.75)])
def test_the_side_that_is_known_better_is_shown(program, x):
    check = gradient(program, x=x).check
    assert (float(check.value), check.value_digits) == (0, 16)


@pytest.mark.parametrize(("program", "x"), [("tanh(1/x)", -2e-308), ("tanh(x^(-1))", -6e-271)])
def test_a_zero_that_doubles_have_no_number_for_has_a_finite_bound(program, x):
    found = gradient(program, x=x).check.gradients["x"]
    assert found.zero_within is None or 0 < found.zero_within < 1e-100
    assert found.zero_within is not None or found.status == "skipped"


# ---- kinks that doubles miss, or meet by rounding ----

MISSED = [  # at 2, sqrt(x)^2 is 2, and as a double 2.0000000000000004
    ("abs(sqrt(x)^2 - 2)", 2, (-1, 1)),
    ("relu(sqrt(x)^2 - 2)", 2, (0, 1)),
    ("sign(sqrt(x)^2 - 2)", 2, (0, 0)),
    ("where(sqrt(x)^2 > 2, x, x + 1)", 2, (1, 1)),
    ("x*ceil(sqrt(x)^2)", 2, (2, 3)),
    ("floor(exp(log(x)))", 3, (0, 0)),
    ("abs(x + 0.1 - 1e16 - 0.1)", 1e16, (-1, 1)),
]


@pytest.mark.parametrize(("program", "x", "slopes"), MISSED)
def test_a_kink_that_doubles_miss_confirms_nothing(program, x, slopes):
    report = gradient(program, x=x)
    found = report.check.gradients["x"]
    assert (found.status, found.at_kink, (found.left, found.right)) == ("skipped", True, slopes)
    assert "confirmed" not in last_line(report)
    warning = report.warnings[0]
    assert "which doubles miss by rounding" in warning.message
    assert ("is not differentiable" in warning.message) == (slopes[0] == slopes[1])


def test_a_kink_on_a_branch_that_is_not_taken_stays_out_of_it():
    report = gradient("where(x > 0, x, floor(exp(log(y))))", x=1, y=3)
    assert {found.status for found in report.check.gradients.values()} == {"pass"}


def test_a_node_that_rounding_brings_to_a_kink_is_not_said_to_have_one():
    report = gradient("abs((x + 1) - 1) + abs(y)", x=1e-20, y=0)
    told = [warning.message for warning in report.warnings if warning.kind == "kink"]
    assert len(told) == 1
    assert told[0].startswith("abs(y) has a kink at y = 0")


def test_what_has_a_value_in_doubles_alone_is_not_confirmed():
    """The exponent is rounded to a whole number, which that of a negative base has to be."""
    program = "x - (-0.1)^(1e300 - 0.5)"
    report = gradient(program, x=1)
    assert last_line(report).endswith("not checked: computed with more digits, the value does not exist")
    source = read_source(program)
    with pytest.raises(DomainError, match="the value does not exist"):
        verify_source(source, {"x": 1.0}, [read_expectation("x=1", source)])


@pytest.mark.parametrize("program", ["0*x^x", "leaky_relu(1, x^x)"])
def test_a_point_without_values_beside_it_has_no_gradient(program):
    source = read_source(program)
    with pytest.raises(DomainError, match="does not exist at this point: along it the program has no value"):
        verify_source(source, {"x": -1.0}, [read_expectation("x=0", source)])


POSSIBLE = [("sign(ceil(tan(atan(x))))", -3, 0), ("x + relu(sin(x)^2 + cos(x)^2 - 1)", 0.8, 1)]


@pytest.mark.parametrize(("program", "x", "slope"), POSSIBLE)
def test_where_no_slope_is_known_the_kink_is_a_possible_one(program, x, slope):
    report = gradient(program, x=x)
    assert report.gradients == {"x": slope}
    assert report.check.gradients["x"].reason == "possible kink"
    assert "at a kink" not in last_line(report)


def test_a_power_may_be_whole_within_its_bounds():
    """Whether cbrt(x)^3 is 2 exactly can't be told in any digits; that it is not can't be said."""
    with pytest.raises(DomainError, match=r"got -1 and cbrt\(x\)\^3 = 2.0000000000000013 in doubles"):
        gradient("(-1)^(cbrt(x)^3)", x=2)


def test_a_tie_below_the_upper_limit_alone_is_a_kink_of_clip():
    assert gradient("clip(x, x - 1 + 1, 1)", x=2).warnings == ()
    assert gradient("clip(x, x - 1 + 1, 3)", x=2).check.gradients["x"].origin == "both sides"


def test_a_clip_between_itself_has_no_kink():
    assert last_line(gradient("clip(x, x, x)", x=2)).endswith("all confirmed by sympy, all digits right")


@pytest.mark.parametrize(
    ("program", "x", "double", "true"),
    [("sign(sqrt(x)^2 - 2)", 2, 1, 0), ("ceil(sqrt(x)^2)", 2, 3, 2), ("x*ceil(sqrt(x)^2)/3", 2, 2, "4/3")],
)
def test_a_value_that_doubles_put_on_the_wrong_side_of_a_jump_meets_no_expectation(program, x, double, true):
    source = read_source(program)
    claims = [read_expectation(f"value={value}", source) for value in (double, true)]
    found = verify_source(source, {"x": float(x)}, claims)
    assert found.report.value == double
    assert [verdict.status for verdict in found.verdicts] == ["fail", "pass"]
    assert "decimals that are written" not in found.verdicts[0].diagnosis


def test_no_tolerance_is_said_to_accept_noise():
    source = read_source("(1 - cos(x))/x^2")
    (verdict,) = verify_source(source, {"x": 1e-9}, [read_expectation("x=1e9", source)]).verdicts
    assert verdict.diagnosis.startswith("that is what doubles give, and no digit of it is right")


def test_a_gradient_below_all_doubles_is_0_as_a_double():
    *_, warning = [w for w in gradient("tanh(1/x)", x=1e-320).warnings if w.kind == "digits"]
    told = "the gradient with respect to x is 0 as a double, found in 50 digits; doubles give no number"
    assert warning.message == told


@pytest.mark.parametrize("fact", ["x = kink", "x = smooth", "x = undefined"])
def test_where_nothing_is_known_of_a_kink_no_fact_is_met(fact):
    source = read_source("sign(ceil(tan(atan(x))))")
    (verdict,) = verify_source(source, {"x": -3.0}, read_claims(fact, source)).verdicts
    assert verdict.status == "fail"
    assert verdict.words == (fact.removeprefix("x = "), "possible kink")


NO_VALUE = [("log(sin(pi*x))", 1), ("tan(pi*x)", 0.5), ("1/(sqrt(x)^2 - 2)", 2), ("x/(exp(log(x)) - 3)", 3)]


@pytest.mark.parametrize(("program", "x"), NO_VALUE)
def test_a_value_that_only_rounding_gives_is_said_not_to_exist(program, x):
    report = gradient(program, x=x)
    assert math.isfinite(report.value)
    assert last_line(report).endswith("not checked: computed with more digits, the value does not exist")


def test_an_exponent_that_is_whole_in_fractions_has_a_value_at_a_negative_base():
    report = gradient("x^(y/3*3)", x=-1, y=1, wrt=["x"])
    assert report.gradients == {"x": 1.0}
    assert "does not exist" not in last_line(report)
