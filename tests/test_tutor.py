"""A student's answers: within the digits written, one slip marked once, classic mistakes named, hints."""

from __future__ import annotations

import math
import random
import re

import pytest

from backprop_cli import gradient
from backprop_cli.errors import BackpropError
from backprop_cli.expect.criteria import Criteria
from backprop_cli.expect.expectations import read_expectation
from backprop_cli.expect.verdict import Verification
from backprop_cli.expect.verify import verify_source
from backprop_cli.language.source import choose_point, evaluate_constant, read_assignments, read_source
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import OPS
from backprop_cli.render.marking import remark
from backprop_cli.text import number_text
from conftest import Run

NEURON = ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", "w=0.5", "x=2", "b=-0.3", "y=1")
LESSON = ("e = a*b; d = e + c; L = d*f", "a=2", "b=3", "c=-10", "f=5")


def mark(program: str, point: str, *answers: str) -> Verification:
    given = read_assignments(point.split())
    source = read_source(program, given)
    expected = [read_expectation(text, source) for text in answers]
    criteria = Criteria(points=0, as_written=True)
    return verify_source(source, choose_point(source, given), expected, check=False, criteria=criteria)


def diagnosis(program: str, point: str, answer: str) -> str:
    (verdict,) = mark(program, point, answer).verdicts
    return verdict.diagnosis


@pytest.mark.parametrize(
    ("program", "answer", "is_right"),
    [
        ("x/3", "0.33", True),
        ("x/3", "0.3", True),
        ("x/3", "0.34", False),
        ("x/3", "0.3334", False),
        ("x/8", "0.12", True),
        ("x/8", "0.13", True),
        ("-x/8", "-.13", True),
        ("x/8", "1.25e-1", True),
        ("x/8", "1.3e-1", True),
        ("x/8", "1e-1", False),  # no decimal point: it means itself
        ("3.3*x", "3", False),
        ("3.3*x", "3.", True),
        ("x/3", "1/3", True),
    ],
)
def test_a_number_is_compared_within_the_decimals_that_are_written(
    program: str, answer: str, is_right: bool
) -> None:
    assert (mark(program, "x=1", f"x={answer}").status == "pass") == is_right


COPIED = "the gradient at z is passed on unchanged; the local derivative ∂z/∂w is missing"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("w=-1.327", "the factor ∂a/∂z = 0.221713 is missing"),
        ("w=-1.33", "the factor ∂a/∂z = 0.221713 is missing"),
        ("w=-1.327248", "the factor ∂a/∂z = 0.221713 is missing"),  # cut, not rounded
        ("w=2", "that is ∂z/∂w alone; the gradient -0.147134 at z is missing"),
        ("w=0.443426", "the factor ∂C/∂a = -0.663624 is missing"),
        ("w=-1.327249", "the factor ∂a/∂z = 0.221713 is missing"),
        ("w=0.294268", "opposite sign"),
        ("w=-0.147134", f"{COPIED}; or a factor of 2 is missing"),
        ("w=-0.1471", f"{COPIED}; or a factor of 2 is missing"),
        ("w=-0.588536", "2 times too large"),
        ("w=-0.1", ""),  # too coarse to say what is behind it
    ],
)
def test_a_rounded_number_is_diagnosed(answer: str, told: str) -> None:
    program, *point = NEURON
    assert diagnosis(program, " ".join(point), answer) == told


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("c=1", "that is ∂d/∂c alone; the gradient 5 at d is missing"),
        ("a=5", "the gradient at e is passed on unchanged; the local derivative ∂e/∂a is missing"),
        ("b=15", "the local derivatives of e = a*b are swapped"),
        ("c=30", "d = e + c is no product: the gradient is not multiplied by the other term"),
    ],
)
def test_the_step_comes_before_a_coincidence(answer: str, told: str) -> None:
    program, *point = LESSON
    assert diagnosis(program, " ".join(point), answer) == told


def test_one_slip_is_marked_once(backprop: Run) -> None:
    answers = ("--expect", "a=-0.332", "--expect", "z=-0.0736", "--expect", "w=-0.147")
    done = backprop("check", *NEURON, *answers, "--hint", "2")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "       yours\n"
        "no     a = -0.332   a factor of 2 is missing: look at C = (a - y)^2\n"
        "right  z = -0.0736  from your a\n"
        "right  w = -0.147   from your z\n\n"
        "1 slip at a; 2 of 3 right\n"
    )


def test_what_follows_from_formulas_follows_everywhere() -> None:
    program, *point = NEURON
    found = mark(
        program, " ".join(point), "a=a-y", "z=(a-y)*a*(1-a)", "b=z*0 - 0.0735670", "w=(a-y)*a*(1-a)*x"
    )
    assert [v.follows for v in found.verdicts] == [(), ("a",), (), ("z",)]
    assert [v.is_slip for v in found.verdicts] == [True, False, True, False]


def test_gradients_follow_from_own_values() -> None:
    found = mark("e = a*b; L = e*e", "a=2 b=3", "value:e=5", "value:L=25", "e=10", "a=30", "b=21")
    assert [v.follows for v in found.verdicts] == [(), ("value of e",), ("value of e",), ("e",), ()]


@pytest.mark.parametrize("hint", ["1", "2", "3"])
@pytest.mark.parametrize("answer", ["c=1", "a=5", "b=15", "a=-15", "d=1", "f=5", "c=-5", "b=10.1"])
def test_no_hint_shows_the_solution(backprop: Run, answer: str, hint: str) -> None:
    solutions = {"a": "15", "b": "10", "c": "5", "d": "5", "f": "-4"}
    done = backprop("check", *LESSON, "--expect", answer, "--hint", hint)
    remark = done.stdout.splitlines()[1].split("  ", 2)[2].replace(answer.replace("=", " = "), "")
    assert done.returncode == 1
    assert "look at" in remark
    assert f" {solutions[answer[0]]} " not in f" {remark} ".replace(";", " ")


def test_a_hint_does_not_tell_how_much_is_missing(backprop: Run) -> None:
    done = backprop("check", "y = x*x", "x=3", "--expect", "x=3", "--hint", "2")
    remark = "x enters y twice, and one contribution is not counted: look at y = x*x"
    assert done.stdout.splitlines()[1] == f"no  x = 3  {remark}"


@pytest.mark.parametrize(
    ("program", "point", "answer", "cause"),
    [
        ("L = a*b", "a=2 b=3", "a=-3", "opposite sign"),
        ("L = a*b^2", "a=2 b=3", "a=1/9", "that is the reciprocal"),
    ],
)
@pytest.mark.parametrize("hint", ["1", "2", "3"])
def test_a_hint_is_silent_of_what_turns_the_answer_into_the_solution(
    backprop: Run, program: str, point: str, answer: str, cause: str, hint: str
) -> None:
    assert diagnosis(program, point, answer) == cause
    told = backprop("check", program, *point.split(), "--expect", answer, "--hint", hint).stdout
    assert f"look at {program}" in told
    assert cause not in told


def test_a_huge_number_is_no_reciprocal() -> None:
    assert "reciprocal" not in diagnosis("x*x", "x=3", "x=1.7e308")


def test_a_student_is_told_of_a_kink(backprop: Run) -> None:
    done = backprop("check", "relu(x)", "x=0", "--expect", "x=1", "--hint", "1")
    assert done.stderr.startswith("warning: relu(x) has a kink at x = 0: slope 0 on the left, 1 on the right")


def test_a_claim_without_a_value_leads_nowhere() -> None:
    found = mark("e = a*b; L = e*e", "a=2 b=3", "e=log(-a)", "a=36", "b=1")
    assert [v.follows for v in found.verdicts] == [(), (), ()]


@pytest.mark.parametrize(
    "words",
    [["--hint", "1"], ["--hint", "4", "--expect", "a=1"], ["--hint", "1", "--expect", "a=1", "--json"]],
)
def test_what_a_hint_needs(backprop: Run, words: list[str]) -> None:
    assert backprop("check", *LESSON, *words).returncode == 2


SIGMOID, TANH = "z = w*x/90; a = sigmoid(z); L = a*y", "z = w*x/90; a = tanh(z); L = a*y"
PLANTED = {  # a mistake: program, wrong answer, rounded to four decimals behind ~, and what has to be said
    "missing path": ("u = w*x; k = w*y; L = u + k", "{x}", "path through k is missing"),
    "sign of a path": ("u = w*x; k = w*y; L = u - k", "{x} + {y}", "path through k has the opposite sign"),
    "swapped": ("e = w*x; L = e*y", "{y}*{w}", "are swapped"),
    "inner": ("z = w*x; a = sin(z); L = a*y", "~{y}*{x}", "∂a/∂z"),
    "two inner": ("h = w*2; g = h*x; L = g*y", "{x}", "the factors ∂h/∂w = 2 and y = {y} are missing"),
    "sign": ("e = w*x; L = e*y", "-{x}*{y}", "opposite sign"),
    "local": ("e = w*x; L = e*y", "{x}", "∂e/∂w alone"),
    "closed gate": ("z = -w*x; h = relu(z); L = h*y", "-{x}*{y}", "no gradient passes h"),
    "open gate": ("z = w*x; h = relu(z); L = h*y", "0", "is open here"),
    "sum multiplied": ("e = w + x; L = e*y", "{x}*{y}", "is no product"),
    "product copied": ("e = w*x; L = e*y", "{y}", "passed on unchanged"),
    "factor 2": ("d = w*x - y; C = d^2", "({w}*{x} - {y})*{x}", "a factor of 2 is missing"),
    "exponent kept": (
        "d = w*x; L = y*d^3", "3*{y}*({w}*{x})^3*{x}", "3*d^3 is taken for the derivative of d^3"
    ),
    "tanh' at a": (TANH, "~(1 - tanh(tanh({w}*{x}/90))^2)*{x}/90*{y}", "belongs at z"),
    "sigmoid' at a": (
        SIGMOID, "~1/(2*cosh(sigmoid({w}*{x}/90)/2))^2*{x}/90*{y}", "belongs at z"
    ),
    "tanh' at a, twice": (
        "z = w*x/20; a = tanh(z); c = tanh(a); L = c*y",
        "~(1 - tanh(tanh({w}*{x}/20))^2)*(1 - tanh(tanh(tanh({w}*{x}/20)))^2)*{x}/20*{y}",
        "belongs at z, and so at every such step",
    ),
    "z(1 - z)": (
        SIGMOID,
        "~{w}*{x}/90*(1 - {w}*{x}/90)*{x}/90*{y}",
        "z*(1 - z) is taken for the derivative of sigmoid(z)",
    ),
    "1 - z^2": (TANH, "~(1 - ({w}*{x}/90)^2)*{x}/90*{y}", "1 - z^2 is taken for the derivative of tanh(z)"),
    "1/cosh": (TANH, "~{x}/90*{y}/cosh({w}*{x}/90)", "1/cosh(z) is taken for the derivative of tanh(z)"),
    "x for exp(x)": (
        "z = w + x; e = exp(z); L = e*y", "({w} + {x})*{y}", "z is taken for the derivative of exp(z)"
    ),
    "sin for cos": (
        "z = w*x; a = sin(z); L = a*y", "~sin({w}*{x})*{x}*{y}", "sin(z) is taken for its own derivative"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PLANTED)
def test_planted_mistakes_are_named(kind: str) -> None:
    """Each of 100 is, beside what else gives the same number."""
    program, answer, told = PLANTED[kind]
    chance = random.Random(kind)
    wrong = 0
    while wrong < 100:
        w, x, y = (chance.randint(2, 9) for _ in "wxy")
        text = answer.removeprefix("~").format(w=w, x=x, y=y)
        if answer.startswith("~"):
            text = f"{evaluate_constant(text):.4f}"
        (verdict,) = mark(program, f"w={w} x={x} y={y}", f"w={text}").verdicts
        wrong += verdict.is_slip
        assert not verdict.is_slip or told.format(y=y) in verdict.diagnosis, (w, x, y, text)


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.mistaken], ids=lambda op: op.name)
def test_what_is_taken_for_a_derivative_is_none(op: Op) -> None:
    for right, mistaken in zip(op.derivatives, op.mistaken, strict=True):
        for text in mistaken:
            points = [dict(zip(op.args, xs, strict=True)) for xs in op.domain.inside]
            values = [(evaluate(right, point), evaluate(text, point)) for point in points]
            assert any(not math.isclose(*pair) for pair in values)


def evaluate(text: str, point: dict[str, float]) -> float:
    """Return the value of a formula; NaN where it has none."""
    try:
        return gradient(text, {n: x for n, x in point.items() if n in text}, check=False).value
    except BackpropError:
        return math.nan


LEAKS = [
    ("L = (a*b + c)*f", {"a": 2, "b": 3, "c": -10, "f": 5}),
    ("z = w*x + b; a = relu(z); C = (a - y)^2", {"w": 2, "x": 3, "b": -1, "y": 1}),
    ("u = x*y; v = u + x; L = v*u", {"x": 2, "y": 3}),
    ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 1, "x": 2, "b": -1, "y": 0}),
]


@pytest.mark.parametrize(("program", "point"), LEAKS)
@pytest.mark.parametrize("level", [1, 2])
def test_no_hint_shows_the_number_that_is_asked_for(
    program: str, point: dict[str, float], level: int
) -> None:
    report = gradient(program, point)
    source = read_source(program)
    for node in report.nodes:
        right = node.gradient
        known = {number_text(x, 6) for x in (*report.inputs.values(), *(n.value for n in report.nodes), 0, 1)}
        if number_text(right, 6) in known:
            continue
        others = [*(other.gradient for other in report.nodes), -right, 2 * right, right / 2, right + 1, 0.123]
        for wrong in (x for x in others if not math.isclose(x, right)):
            claim = read_expectation(f"grad:{node.id}={number_text(wrong, None)}", source)
            criteria = Criteria(as_written=True)
            (verdict,) = verify_source(
                source, report.inputs, [claim], check=False, criteria=criteria
            ).verdicts
            told = remark(verdict, level).replace("−", "-")
            assert number_text(right, 6) not in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", told), (
                wrong,
                told,
            )
