"""Expectations: read, compared at the point and beyond it, and told what is wrong with them."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_cli import BackpropError, gradient
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.expectations import read_expectation
from backprop_cli.expect.points import further_points
from backprop_cli.expect.verdict import Verdict, Verification
from backprop_cli.expect.verify import verify_source
from backprop_cli.language.source import choose_point, read_assignments, read_source
from backprop_cli.render.verdicts import render_verification, verification_blocks
from backprop_cli.schemas import schema_text
from conftest import Run

LESSON = ("(a*b+c)*f", "a=2 b=3 c=-10 f=5")
STEPS = ("e = a*b; d = e + c; L = d*f", "a=2 b=3 c=-10 f=5")
BRANCH = ("u = w*x; k = w^2; L = u + k*3", "w=2 x=5")


def verify(program: str, point: str, *expected: str, upstream: float = 1, **criteria: object) -> Verification:
    given_values = read_assignments(point.split())
    source = read_source(program, given_values)
    return verify_source(
        source,
        choose_point(source, given_values),
        [read_expectation(text, source) for text in expected],
        upstream=upstream,
        criteria=Criteria(**criteria),  # type: ignore[arg-type]
    )


def judge(program: str, point: str, expected: str, **options: object) -> Verdict:
    (verdict,) = verify(program, point, expected, **options).verdicts  # type: ignore[arg-type]
    return verdict


MET = [
    (*LESSON, "a=15", "point"),
    (*LESSON, "b=a*f", "sympy"),
    (*LESSON, "value=-20", "point"),
    (*LESSON, "value = (a*b+c)*f", "sympy"),
    (*LESSON, "v1=5", "point"),
    (*LESSON, "value:v1=6", "point"),
    (*STEPS, "grad:e=5", "point"),
    (*STEPS, "e=f", "sympy"),
    (*STEPS, "grad : d = f", "sympy"),
    (*STEPS, "L=1", "point"),
    (*STEPS, "value:d = e + c", "sympy"),
    (*STEPS, "a = f*e/a", "sympy"),
    ("sin(x)^2", "x=0.3", "x=sin(2*x)", "sympy"),
    ("s = 1/(1+exp(-x)); s", "x=0.5", "x=s*(1-s)", "sympy"),
    ("z = w*x + b; a = sigmoid(z); C = (a-y)^2", "w=.5 x=2 b=-.3 y=1", "w=2*(a-y)*a*(1-a)*x", "sympy"),
    ("tanh(x)", "x=0.3", "x=1/cosh(x)^2", "sympy"),
    ("1/x", "x=1/3", "x=-x^-2", "sympy"),
    ("relu(x)*y", "x=2 y=3", "x=where(x > 0, y, 0)", "points"),
    ("0.1*x^3", "x=2", "x=0.3*x^2", "points"),
    ("x^n", "x=-2 n=3", "x=n*x^(n-1)", "points"),
    ("log(x - 3)", "x=3.001", "x=1/(x-3)", "sympy"),
    ("asin(x)*y", "x=0.999 y=1", "x=y/sqrt((1-x)*(1+x))", "sympy"),
    ("1/3*x", "x=1", "x=1/3", "point"),
    ("sin(pi*x)", "x=1", "value=0", "point"),
    ("pi*x", "pi=3 x=2", "x=pi", "sympy"),
    ("x*value", "x=2 value=3", "grad:value=2", "point"),
    ("x*value", "x=2 value=3", "value:=6", "point"),
    ("c += a*b", "c=1 a=2 b=3", "c#1=1", "point"),
    ("x - x", "x=3", "x=0", "point"),
    ("y", "x=3 y=2", "x=0", "point") if False else ("y + 0*x", "x=3 y=2", "x=0", "point"),
    ("1e-20*x", "x=1", "x=1e-20", "point"),
    ("max(a, b)", "a=1 b=1", "a=1/2", "point"),
]


@pytest.mark.parametrize(("program", "point", "expected", "settled"), MET)
def test_met(program: str, point: str, expected: str, settled: str) -> None:
    verdict = judge(program, point, expected)
    assert verdict.status == "pass", verdict
    assert verdict.settled == settled
    assert verdict.points == (20 if settled == "points" else 0)


NOT_MET = [
    (*LESSON, "a=-15", "opposite sign"),
    (*LESSON, "value=20", "opposite sign"),
    (*LESSON, "b=15", "the local derivatives of v1 = a*b are swapped"),
    (*LESSON, "a=3", "the factor f = 5 is missing"),
    (*LESSON, "a=b", "the factor f = 5 is missing"),
    (*STEPS, "a=b", "that is ∂e/∂a alone; the gradient 5 at e is missing"),
    (*LESSON, "a=15.00001", "equal to 6 digits; --rtol 1e-6 accepts that"),
    (*LESSON, "a=7.5", "a factor of 2 is missing"),
    (*LESSON, "a=105", "7 times too large"),
    (*LESSON, "a=45", "the factor b = 3 is too much"),
    (*LESSON, "a=-b*f", "opposite sign"),
    (*BRANCH, "w=x", "the path through k is missing: +12"),
    (*BRANCH, "w=6*w", "the path through u is missing: +5"),
    (*BRANCH, "w=x-6*w", "the path through k has the opposite sign"),
    ("2*x*y", "x=7 y=11", "x=2", "the factor y = 11 is missing"),
    ("x*x + x + y*x", "x=7 y=5", "x=y", "that is the path through v3 alone"),
    ("x^2 + b*x", "x=7 b=11", "x=2*x", "the path through v2 is missing: +11"),
    ("exp(x)", "x=1", "x=log(-x)", "the formula has no value here"),
    ("sin(x)", "x=1", "x=0.123", ""),
    ("relu(x)", "x=-2", "x=1", "no gradient passes v1 = relu(x) here"),
    ("relu(x)", "x=0", "x=1", "no gradient passes v1 = relu(x) here, by the convention at its kink"),
    ("relu(x)*y", "x=-2 y=3", "x=y", "no gradient passes v1 = relu(x) here"),
    ("y + 0*x^2", "x=1 y=2", "x=y", "no gradient passes v2 = 0*v1 here"),
    ("u = x^2; a = 3*y; a", "x=1 y=2", "x=y", "the output does not depend on x"),
    ("a*b", "a=2 b=3", "a=1/3", "that is the reciprocal"),
    ("x^3", "x=2", "x=0", ""),
    ("x^2 - 2*x + 0*x", "x=1", "x=5", ""),  # what passes cancels
]


@pytest.mark.parametrize(("program", "point", "expected", "diagnosis"), NOT_MET)
def test_not_met(program: str, point: str, expected: str, diagnosis: str) -> None:
    verdict = judge(program, point, expected)
    assert verdict.status == "fail"
    assert verdict.diagnosis == diagnosis


def test_upstream_multiplies_what_is_expected() -> None:
    assert judge(*LESSON, "a=150", upstream=10).status == "pass"
    assert judge(*LESSON, "b=10*a*f", upstream=10).settled == "sympy"
    assert judge(*LESSON, "a=15", upstream=10).diagnosis == "the upstream gradient 10 is missing"


@pytest.mark.parametrize(
    ("program", "point", "expected", "diagnosis"),
    [
        ("a*b", "a=2 b=2", "a=a", "right at this point only"),
        ("x^2", "x=2", "x=x+2", "right at this point only"),
        ("1 - cos(x)", "x=0", "x=x", "right at this point only"),
        # Far out, where these are equal to all digits.
        ("exp(x)", "x=700", "x=exp(x)+1", "right near this point, not everywhere"),
        ("1/(1+x)", "x=1e12", "x=-1/x^2", "right at this point only"),
        ("tanh(x)", "x=50", "x=4*exp(-2*x)", "right near this point, not everywhere"),
        *(("abs(x)", f"x={x}", "x=x/x", "right near this point, not everywhere") for x in (0.5, 1, 2, 3, 7)),
        ("where(x>1, x^2, x)", "x=2", "x=2*x", "right near this point, not everywhere"),
        ("relu(w*x + b)", "w=0.5 x=2 b=0.3", "w=x", "right near this point, not everywhere"),
        ("abs(x)*y", "x=2 y=3", "x=y", "right near this point, not everywhere"),
    ],
)
def test_right_by_luck(program: str, point: str, expected: str, diagnosis: str) -> None:
    verdict = judge(program, point, expected)
    assert (verdict.status, verdict.diagnosis) == ("fail", diagnosis)
    assert verdict.elsewhere is not None
    # What is shown can be verified with the point that is shown.
    there = verdict.elsewhere
    name = expected.partition("=")[0]
    assert gradient(program, there.inputs).gradients[name] == pytest.approx(there.got, rel=1e-12)
    assert gradient(
        expected.partition("=")[2], {k: v for k, v in there.inputs.items() if k in expected[2:]}
    ).value == pytest.approx(there.expected, rel=1e-12)
    assert judge(program, point, expected, points=0).status == "pass"


def test_points_are_reproducible() -> None:
    point = {"x": 2.0, "y": -1e6}
    some = [p for p, _ in zip(further_points(point, 3), range(30), strict=False)]
    again = [p for p, _ in zip(further_points(point, 3), range(30), strict=False)]
    other = [p for p, _ in zip(further_points(point, 4), range(30), strict=False)]
    assert some == again != other
    assert all(p.keys() == point.keys() for p in some)
    assert any(p["x"] < 0 for p in some)
    assert any(p["x"] == 2.0 for p in some)


def test_a_domain_of_one_point_is_told() -> None:
    slope = "where(x < 9, -x/sqrt(1e-30 - x*x), 0)"
    verdict = judge("sqrt(1e-30 - x*x)", "x=0", f"x={slope}")
    assert verdict.status == "pass"
    assert verdict.diagnosis == "no further point was found at which both exist"


def test_tolerances() -> None:
    assert judge("x/3", "x=1", "x=0.333").status == "fail"
    assert judge("x/3", "x=1", "x=0.333", rtol=2e-3).status == "pass"
    assert judge("x/3", "x=1", "x=0.333", atol=1e-3).status == "pass"
    # Zero is met to within 1e-12; a tiny gradient is not another tiny one.
    assert judge("x^2 - 0.6*x", "x=0.30000000000000004", "x=0").status == "pass"
    assert judge("x^2 - 0.6*x", "x=0.30000000000000004", "x=0", atol=0.0).status == "fail"
    assert judge("1e-20*x", "x=1", "x=2e-20").status == "fail"
    assert judge("1e-20*x", "x=1", "x=2e-20", atol=1e-12).status == "pass"
    assert judge("x/4", "x=1", "x=0.25", rtol=0.0).status == "pass"


def test_digits_lost_in_doubles_are_no_excuse() -> None:
    lost = ("(1-cos(x))/x^2", "x=1e-7")
    verdict = judge(*lost, "x=-8.3333333333333e-9")
    assert verdict.status == "pass"
    assert verdict.got == gradient(lost[0], x=1e-7).gradients["x"]
    assert verdict.exact == pytest.approx(-1e-7 / 12)
    # What grad shows has no right digit there: it is noise, which meets nothing.
    assert judge(*lost, f"x={verdict.got!r}").status == "fail"
    assert judge(*lost, "x=0.1").status == "fail"
    assert judge("sin(pi)", "", "value=1.2246467991473532e-16", atol=0.0).status == "fail"
    assert judge("sin(pi)", "", "value=0").status == "pass"
    assert judge("sin(pi)", "", "value=2e-16", atol=0.0).status == "fail"


def test_a_double_with_some_right_digits_is_accepted_beside_what_is_right() -> None:
    some = ("(1-cos(x))/x^2", "x=1e-3")
    shown = gradient(some[0], x=1e-3).gradients["x"]
    assert shown != pytest.approx(-1e-3 / 12, rel=1e-9)
    assert judge(*some, f"x={shown!r}").status == "pass"
    assert judge(*some, "x=-8.33333277777797e-05").status == "pass"
    assert judge(*some, f"x={shown * 1.001!r}").status == "fail"


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("(exp(x)-1)/x", "x=1e-15"),
        ("(1-cos(x))/x^2", "x=1e-9"),
        ("log(1+x)/x", "x=1e-17"),
        ("((2+h)^2-4)/h", "h=1e-15"),
        ("(w*x-y)^2/1e-20", "w=0.1 x=3 y=0.3"),
    ],
)
def test_noise_is_no_met_expectation(program: str, point: str) -> None:
    values = {name: float(x) for name, x in (pair.split("=") for pair in point.split())}
    for name, shown in gradient(program, **values).gradients.items():
        assert judge(program, point, f"{name}={shown!r}").status == "fail"


@pytest.mark.parametrize("program", ["log(x^2)-2*log(x)", "atan(x)+atan(1/x)", "sin(x)^2+cos(x)^2"])
def test_what_is_left_of_terms_that_cancel_is_told_as_zero(program: str) -> None:
    verdict = judge(program, "x=0.3", "x=0")
    assert verdict.status == "pass"
    assert verdict.exact in (None, 0.0)


def test_undefined() -> None:
    with pytest.raises(BackpropError, match="gradient with respect to x is infinity"):
        verify("sqrt(x)*a", "x=0 a=2", "x=0")
    assert judge("sqrt(x)*a", "x=0 a=2", "a=0").status == "pass"
    with pytest.raises(BackpropError, match="u has no value"):
        verify("u = log(x); where(x > 0, u, x)", "x=-1", "value:u=0")


BAD = [
    ("a", "'a' is not an expectation"),
    ("a<3", "'a<3' is not an expectation"),
    ("a=", "nothing is expected"),
    ("a=b=c", "one expression is expected here"),
    ("a==15", "a value is expected before '='"),
    ("a b=3", "'a b=3' is not an expectation"),
    ("a=s*2", "s is not a name of the program"),
    ("q=2", "q is not a node of the program"),
    ("value:q=2", "q is not a node of the program"),
    ("grad:=2", "'grad:=2' is not an expectation"),
    ("a=1/0", "1/0 has no finite value"),
    ("a=(2", r"this \( is never closed"),
    ("=3", "'=3' is not an expectation"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_bad_expectations(text: str, message: str) -> None:
    with pytest.raises(BackpropError, match=message) as caught:
        verify(*LESSON, text)
    assert caught.value.status == 2
    assert caught.value.text == text


def test_value_may_mean_two_things() -> None:
    with pytest.raises(BackpropError, match="value may be the value of the program or the gradient"):
        verify("x*value", "x=2 value=3", "value=6")


@given(st.sampled_from(["a", "b", "c", "f"]), st.integers(-1000, 1000).filter(bool))
def test_no_wrong_number_is_accepted(name: str, wrong_by: int) -> None:
    right = gradient(LESSON[0], a=2, b=3, c=-10, f=5, check=False).gradients[name]
    assert judge(*LESSON, f"{name}={right!r}").status == "pass"
    assert judge(*LESSON, f"{name}={right + wrong_by * 1e-6!r}").status == "fail"


FORMULAS = [
    ("x*exp(-x^2)", "exp(-x^2)*(1-2*x^2)"),
    ("log(1+x^2)", "2*x/(1+x^2)"),
    ("x/(1+x)", "1/(1+x)^2"),
    ("sin(x)*cos(x)", "cos(2*x)"),
    ("cosh(x)^2", "sinh(2*x)"),
    ("sqrt(1+x^2)", "x/sqrt(1+x^2)"),
    ("erf(x)", "2*exp(-x^2)/sqrt(pi)"),
    ("atan(x)", "1/(1+x^2)"),
    ("silu(x)", "sigmoid(x)*(1 + x*(1-sigmoid(x)))"),
    ("softplus(x)", "sigmoid(x)"),
    ("gelu(x)", "0.5*erfc(-x/sqrt(2)) + x*exp(-x^2/2)/sqrt(2*pi)"),
    ("x^x", "x^x*(1+log(x))"),
    ("hypot(x, 2)", "x/hypot(x, 2)"),
    ("cbrt(x)", "1/(3*cbrt(x)^2)"),
]


@pytest.mark.parametrize(("program", "slope"), FORMULAS)
@pytest.mark.parametrize("x", [0.25, 1.5])
def test_formulas_from_the_textbook(program: str, slope: str, x: float) -> None:
    assert judge(program, f"x={x}", f"x={slope}").status == "pass"
    # Planted mistakes are found, also those that vanish at the point.
    for wrong in (f"-({slope})", f"({slope})*1.0001", f"({slope}) + (x-{x})", f"({slope})*(1 + (x-{x})^2)"):
        assert judge(program, f"x={x}", f"x={wrong}").status == "fail", wrong


def test_a_large_program_is_compared_in_bounded_time() -> None:
    program = "+".join(f"sin(x*{i})" for i in range(1000))
    slope = "+".join(f"{i}*cos(x*{i})" for i in range(1000))
    found = verify(program, "x=0.1", f"x={slope}")
    assert found.verdicts[0].status == "pass"
    assert 1 <= found.verdicts[0].points < 20
    assert math.isfinite(found.verdicts[0].got)


def test_json_fits_its_schema() -> None:
    schema = json.loads(schema_text("check"))
    found = verify(*BRANCH, "w=x", "w=x+6*w", "x=x-3", "value=22", "x=log(-x)")
    record = json.loads(render_verification(found), parse_constant=pytest.fail)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(record, schema)
    assert record["status"] == "fail"
    assert [e["status"] for e in record["expectations"]] == ["fail", "pass", "fail", "pass", "fail"]
    assert record["expectations"][4]["expected"] is None
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "inputs": {"x": "?"}}, schema)


def test_numbers_that_differ_are_shown_to_differ() -> None:
    found = verify("x+0.2", "x=0.1", "value=0.3000000000000001", rtol=0.0, atol=0.0)
    (block,) = [b for b in verification_blocks(found, digits=6) if b.sheets]
    cells = [cell[0] for cell in block.sheets[0]().rows[0].cells]
    assert cells[2:4] == ["0.3000000000000001", "0.3"]


# ---- the command ----

EXAMPLES = [
    ("(a*b+c)*f a=2 b=3 c=-10 f=5 --expect a=15 --expect b=a*f --expect value=-20", 0),
    ("a*b a=2 b=2 --expect a=a", 1),
    ("sin(x)^2 x=0.3 --expect x=sin(2*x)", 0),
    ("1/(1+exp(-x)) x=0.5 --expect x=s*(1-s)", 2),
    ("a*b a=2 b=3", 0),
    ("--expect a=3 a*b --points 5 a=2 b=3 --seed 7", 0),
    ("-x x=2 --expect x=-1", 0),
    ("-k k=2 --expect k=-1", 0),
    ("-x*k x=2 k=3", 0),
    ("log(x) x=-1", 3),
    ("sqrt(x) x=0", 3),
    ("a*b a=2 b=3 --rtol -1", 2),
    ("a*b a=2 b=3 --points x", 2),
    ("a*b a=2 b=3 --format tap", 2),
    ("a*b a=2 b=3 --suite x.toml", 2),
    ("--suite nothing.toml", 2),
    ("", 2),
]


@pytest.mark.parametrize(("arguments", "status"), EXAMPLES)
def test_status(backprop: Run, arguments: str, status: int) -> None:
    done = backprop("check", *arguments.split())
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (status in (0, 1) or arguments.startswith("sqrt"))


def test_lines(backprop: Run) -> None:
    done = backprop("check", LESSON[0], *LESSON[1].split(), "--expect", "a=-15", "--expect", "b=a*f")
    assert done.stdout.splitlines() == [
        "      expectation  expected  got  difference",
        "FAIL  a = -15           -15   15          30  opposite sign",
        "ok    b = a*f            10   10           0  everywhere, by sympy",
        "",
        "1 of 2 expectations NOT MET; v3 = -20; 4 gradients, all confirmed by sympy, all digits right",
    ]


def test_quiet(backprop: Run) -> None:
    done = backprop("check", "a*b", "a=2", "b=2", "--expect", "a=a", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


def test_a_narrow_terminal_gets_short_lines(backprop: Run) -> None:
    done = backprop(
        "check", "a*b", "a=2", "b=2", "--expect", "a=a", "--color", "always", COLUMNS="50", TERM="xterm"
    )
    assert "right at this point only" in done.stdout
    assert max(map(len, done.stdout.splitlines())) < 70  # escapes included


@pytest.mark.parametrize(
    ("program", "point", "value", "other"),
    [
        ("where(1+x>1, x, 2*x)", {"x": 1e-70}, 1e-70, 2e-70),
        ("sqrt(x^2+y^2)", {"x": 1e-200, "y": 0.0}, 1e-200, 2e-200),
        ("acos(cos(x))", {"x": 1e-9}, 1e-9, 0.0),
    ],
)
def test_at_a_kink_a_value_is_what_it_is_in_many_digits(program, point, value, other):
    """The double is noise, or of another branch: it meets nothing."""
    text = " ".join(f"{name}={x!r}" for name, x in point.items())
    assert verify(program, text, f"value={value!r}").status == "pass"
    assert verify(program, text, f"value={other!r}").status == "fail"
