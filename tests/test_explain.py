"""The story of a computation: its numbers, its words, its forms."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest

from backprop_cli import BackpropError, gradient
from backprop_cli.operations.table import TABLE
from backprop_cli.schemas import schema_text
from backprop_cli.tell.limits import difference_quotients
from backprop_cli.tell.paths import find_paths
from backprop_cli.tell.story import tell
from conftest import Run
from test_random_programs import random_program

LESSON = ("e = a*b; d = e + c; L = d*f", "a=2", "b=3", "c=-10", "f=5")
STORY = """\
Forward pass
  a = 2, b = 3, c = −10, f = 5
  e = a × b = 2 × 3 = 6
  d = e + c = 6 + (−10) = −4
  L = d × f = (−4) × 5 = −20

Backward pass
  ∂L/∂L = 1

  L = d × f: a product passes to each factor the gradient times the other factor
  ∂L/∂d = 1 · f = 1 · 5 = 5
  ∂L/∂f = 1 · d = 1 · (−4) = −4

  d = e + c: a sum passes the gradient on unchanged to each term
  ∂L/∂e = ∂L/∂d · ∂d/∂e = 5 · 1 = 5
  ∂L/∂c = ∂L/∂d · ∂d/∂c = 5 · 1 = 5

  e = a × b: a product passes to each factor the gradient times the other factor
  ∂L/∂a = ∂L/∂e · ∂e/∂a = 5 · b = 5 · 3 = 15
  ∂L/∂b = ∂L/∂e · ∂e/∂b = 5 · a = 5 · 2 = 10
"""


def test_the_lesson(backprop: Run) -> None:
    done = backprop("explain", *LESSON)
    assert (done.returncode, done.stdout, done.stderr) == (0, STORY, "")


def test_the_lesson_in_ascii(backprop: Run) -> None:
    done = backprop("explain", *LESSON, "--ascii")
    assert done.stdout.isascii()
    assert "  dL/da = dL/de * de/da = 5 * b = 5 * 3 = 15" in done.stdout.splitlines()
    assert done.stdout == backprop("explain", *LESSON, PYTHONIOENCODING="ascii").stdout


SAID = [
    (("relu(x)", "x=3", "--upstream", "10"), "v1 = relu(x): the ReLU gate is open: the gradient passes"),
    (
        ("relu(x)", "x=-2", "--upstream", "10"),
        "v1 = relu(x): the ReLU gate is closed: the gradient is blocked",
    ),
    (("x + b", "x=1", "b=2", "--upstream", "10"), "gradient of x = gradient of v1 · ∂v1/∂x = 10 · 1 = 10"),
    (
        ("I*W", "I=3", "W=5", "--upstream", "10"),
        "gradient of I = gradient of v1 · ∂v1/∂I = 10 · W = 10 · 5 = 50",
    ),
    (("u = w*x; k = w^2; L = u + 3*k", "w=2", "x=5"), "w feeds u and k: the contributions add up"),
    (("u = w*x; k = w^2; L = u + 3*k", "w=2", "x=5"), "∂L/∂w = 5 + 12 = 17"),
    (("x*x", "x=3"), "∂v1/∂x = 3 + 3 = 6"),
    (("max(a, b)", "a=1", "b=2"), "v1 = max(a, b): b is the largest"),
    (("where(x > 0, x, y)", "x=-1", "y=2"), "v2 = where(v1, x, y): x > 0 does not hold: y is taken"),
    (("where(x > 0, x, y)", "x=-1", "y=2"), "v1: x > 0, (−1) > 0 does not hold"),
    (("relu(x)", "x=0"), "relu(x) has a kink at x = 0: slope 0 on the left, 1 on the right; used: 0, the"),
    (
        ("a = 2*b; y + 0*a", "b=1", "y=3"),
        "a = 2 × b: a product passes to each factor the gradient times the other",
    ),
    (("a = b^2; y = 3*c; y", "b=1", "c=3"), "the output does not depend on a"),
    (("a = sigmoid(z)", "z=0"), "∂a/∂z = 1 · (a × (1 − a)) = 1 · (0.5 × (1 − 0.5)) = 1 · 0.25 = 0.25"),
    (("c += a*b", "c=1", "a=2", "b=3"), "c = c#1 + v1 = 1 + 6 = 7"),
    (("x^2", "x=3"), "v1 = x²: a power with the exponent 2 passes to its base the gradient times 2*x"),
    (
        ("x^-1", "x=3"),
        "v1 = x^(−1): a power with the exponent -1 passes to its base the gradient\n    times -x^-2",
    ),
    (
        ("2^x", "x=3"),
        "v1 = 2^x: a power with the base 2 passes to its exponent the gradient times\n    2^x*log(2)",
    ),
    (("x^n", "x=2", "n=3"), "v1 = x^n: a power x^y passes to x the gradient times y*x^(y - 1), and to y\n"),
    (("x/y", "x=1", "y=-2"), "∂v1/∂y = 1 · (−x / y²) = 1 · (−1 / (−2)²) = 1 · (−0.25) = −0.25"),
]


@pytest.mark.parametrize(("arguments", "said"), SAID)
def test_it_says(backprop: Run, arguments: tuple[str, ...], said: str) -> None:
    done = backprop("explain", *arguments)
    assert done.returncode == 0
    assert said in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_one_node_only(backprop: Run) -> None:
    done = backprop("explain", *LESSON, "--why", "a")
    assert done.stdout.splitlines() == [
        "Forward pass",
        "  a = 2",
        "",
        "Backward pass",
        "  e = a × b: a product passes to each factor the gradient times the other factor",
        "  ∂L/∂a = ∂L/∂e · ∂e/∂a = 5 · b = 5 · 3 = 15",
    ]


def test_paths(backprop: Run) -> None:
    done = backprop("explain", "u = w*x; k = w^2; L = u + k", "w=2", "x=5", "--paths", "w")
    assert done.stdout.splitlines() == [
        "Paths from w",
        "  w → u → L",
        "  ∂L/∂u · ∂u/∂w = 1 · x = 1 · 5 = 5",
        "  w → k → L",
        "  ∂L/∂k · ∂k/∂w = 1 · (2 × w) = 1 · 4 = 4",
        "",
        "  ∂L/∂w = 5 + 4 = 9",
    ]


def test_too_many_paths_are_counted() -> None:
    program = "x0 = a*1\n" + "\n".join(f"x{i + 1} = x{i}*x{i}" for i in range(60))
    found = find_paths(gradient(program, a=1, check=False), "a")
    assert found.number == 2**60
    assert len(found.paths) == 100


def test_no_path(backprop: Run) -> None:
    done = backprop("explain", "a = b^2; y = 3*c; y", "b=1", "c=3", "--paths", "b")
    assert done.stdout.splitlines() == ["Paths from b", "  ∂y/∂b = 0"]


def test_limits(backprop: Run) -> None:
    (limit,) = difference_quotients(gradient("y = tanh(x)", x=0.5), "y")
    errors = [abs(q.error) for q in limit.quotients if q.error is not None]
    assert all(later < earlier / 5 for earlier, later in pairwise(errors))
    assert limit.slope == pytest.approx(1 - math.tanh(0.5) ** 2)
    text = backprop("explain", "y = a*b + log(a)", "a=2", "b=3", "--limit", "v1").stdout
    assert "  ∂v1/∂a = b = 3" in text.splitlines()
    assert "(f(b + h) - f(b))/h = 2              off by 0" in text
    (outside,) = difference_quotients(gradient("asin(x)", x=0.5), "v1")
    assert outside.quotients[0].value is None


@pytest.mark.parametrize("option", ["--why", "--paths", "--limit"])
def test_unknown_nodes(backprop: Run, option: str) -> None:
    done = backprop("explain", "a*b", "a=2", "b=3", option, "q")
    assert (done.returncode, done.stdout) == (2, "")
    assert "q is not a node of the program" in done.stderr


def test_an_operand_used_twice_moves_in_both_places() -> None:
    (limit,) = difference_quotients(gradient("x*x", x=3), "v1")
    assert [q.value for q in limit.quotients][:3] == pytest.approx([7, 6.1, 6.01])
    assert (limit.slope, limit.formula) == (6, "x + x")


def test_no_formula_stands_for_a_convention(backprop: Run) -> None:
    lines = backprop("explain", "max(x, y)", "x=1", "y=1").stdout.splitlines()
    assert "  ∂v1/∂x = 1 · 0.5 = 0.5" in lines
    text = backprop("explain", "where(x >= 0, x, 2*x)", "x=0").stdout
    assert "the condition x >= 0 is at its boundary" in text


def test_what_is_lost_is_lost_in_the_sum(backprop: Run) -> None:
    done = backprop("explain", "sqrt(x)*x", "x=0")
    assert "= 0 · infinity = undefined" in done.stdout
    assert "0 + 0" not in done.stdout


def test_only_what_is_asked_for(backprop: Run) -> None:
    text = backprop("explain", "u = w*x; L = u + w", "w=2", "x=5", "--wrt", "w").stdout
    assert "∂L/∂w = " in text
    assert "∂L/∂x" not in text


def test_negative_numbers_have_parentheses_in_mathematics(backprop: Run) -> None:
    text = backprop("explain", "w*x", "w=2", "x=-5", "--format", "markdown").stdout
    assert r"= 1 \cdot x = 1 \cdot \left(-5\right) = -5" in text


def test_many_terms_are_not_all_written(backprop: Run) -> None:
    program = "+".join(f"sin({i}*x)" for i in range(40))
    assert max(map(len, backprop("explain", program, "x=1").stdout.splitlines())) < 140


def test_undefined(backprop: Run) -> None:
    assert backprop("explain", "log(x)", "x=-1").returncode == 3
    done = backprop("explain", "sqrt(x)", "x=0")
    assert done.returncode == 3
    assert "∂v1/∂x" in done.stdout


@pytest.mark.parametrize("seed", range(40))
def test_the_terms_of_random_programs_add_up(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        program = random_program(rng, 3)
        point = {name: rng.uniform(-2, 2) for name in "abcd" if name in program}
        try:
            report = gradient(program, point, check=False)
        except BackpropError:
            continue
        story = tell(report)
        known = {node.id: node for node in report.nodes}
        assert [f.node for f in story.forward] == [n.id for n in report.nodes if n.op != "input"]
        done = set()
        for step in story.backward:
            node = known[step.node]
            assert all(term.user in done for term in step.terms)
            done.add(step.node)
            if step.terms and math.isfinite(node.gradient) and step.found is None:
                total = sum(term.product for term in step.terms)
                size = sum(abs(term.product) for term in step.terms)
                assert math.isclose(total, node.gradient, rel_tol=1e-12, abs_tol=1e-15 * size)


def test_json(backprop: Run) -> None:
    done = backprop("explain", *LESSON, "--json", "--paths", "a", "--limit", "e")
    record = json.loads(done.stdout, parse_constant=pytest.fail)
    jsonschema.validate(record, json.loads(schema_text("explain")))
    assert [(f["node"], f["value"]) for f in record["forward"]] == [("e", 6), ("d", -4), ("L", -20)]
    assert {b["node"]: b["gradient"] for b in record["backward"]} == {
        "L": 1,
        "d": 5,
        "f": -4,
        "e": 5,
        "c": 5,
        "a": 15,
        "b": 10,
    }
    assert record["paths"]["paths"] == [
        {"nodes": ["a", "e", "d", "L"], "slopes": [3, 1, 5], "product": 15, "formulas": ["b", "1", "f"]}
    ]


def test_markdown(backprop: Run) -> None:
    text = backprop("explain", *LESSON, "--format", "markdown").stdout
    assert text.startswith("## Forward pass\n\n```math\n")
    assert r"e = a \cdot b = 2 \cdot 3 = 6" in text
    derivative = r"\frac{\partial L}{\partial %s}"
    chain = r"\cdot \frac{\partial e}{\partial a} = 5 \cdot b = 5 \cdot 3 = 15"
    assert f"{derivative % 'a'} = {derivative % 'e'} {chain}" in text
    assert text.count("```") % 2 == 0


ALL = [op for op in TABLE if not op.condition]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(backprop: Run, tmp_path: Path) -> None:
    calls = [
        op.write([f"x{i}" for i in range(op.arity)]) for op in ALL if op.name != "where" and not op.orders
    ]
    points = {f"x{i}": f"x{i}=0.{i + 4}" for i in range(3)}
    programs = [
        (LESSON[0], *LESSON[1:], "--paths", "a", "--limit", "e", "--why", "a"),
        (
            "+".join(calls).replace("acosh(x0)", "acosh(3*x0)").replace("log1mexp(x0)", "log1mexp(-x0)"),
            *points.values(),
        ),
        ("polygamma(1, x0)*besselj(2, x0) + digamma(x0)", "x0=0.4"),
        ("c += α*where(c > 0, c, -c) + жук", "c=-1", "α=2", "жук=1e-7", "--upstream", "10"),
    ]
    for number, arguments in enumerate(programs):
        path = tmp_path / f"{number}.tex"
        done = backprop("explain", *arguments, "--format", "latex")
        assert done.returncode == 0, done.stderr
        path.write_text(done.stdout, encoding="utf-8")
        made = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout.decode(errors="replace")[-2000:]


def test_every_local_derivative_is_told_in_words() -> None:
    for op in ALL:
        assert op.backward
        if op.case is not None:
            for xs in op.domain.inside:
                assert op.case(xs, ["p", "q", "r"][: len(xs)])


def test_what_underflows_is_told_where_0_stands_for_it(backprop: Run) -> None:
    words = ("a = exp(x); b = a*y; L = b + 1", "x=-300", "y=1e-200")
    told = " ".join(backprop("explain", *words).stdout.split())
    assert "1e-200 = 0 b is too small for a double, which has 0 instead" in told
    assert "the product of 1e-200 and 5.1482e-131 is too small for a double, which has 0 instead" in told
    shot = " ".join(backprop("explain", *words, "--story").stdout.split())
    assert "b = a × y is too small for a double, which has 0 instead" in shot
    assert "what is too small for a double to x" in shot
    assert "too small" not in backprop("explain", "a = x - x; a*y", "x=3", "y=2", "--story").stdout
    lost = backprop("explain", "exp(x)*y", "x=-800", "y=2", "--story").stdout
    assert "undefined" not in lost
    assert "v2 is no number that a double holds: whether it falls is not told" in lost


def test_digits_that_were_lost_are_told_with_what_is_right(backprop):
    told = backprop("explain", "(1-cos(x))/x^2", "x=1e-9").stdout
    assert "no digit of the value and of the gradient with respect to x is right; the" in told
    assert told.splitlines()[-1] == "  in many digits the gradient with respect to x is -8.33333e-11"
    assert "in many digits" not in backprop("explain", "(1-cos(x))/x^2", "x=1").stdout


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (("markdown", "--math", "dollars"), "$k = {w}^{2}$: a power with the exponent 2 passes to its base"),
        (("markdown", "--math", "dollars"), "the gradient times $2 \\cdot w$\n"),
        (("markdown",), "$`k = {w}^{2}`$: a power"),
        (("latex",), "\\noindent $k = {w}^{2}$: a power"),
        (("latex",), "the gradient times $2 \\cdot w$\n"),
        (("marp",), "tangent passes the gradient divided by $1 - {x}^{2}$\n"),
        (("text",), "k = w²: a power with the exponent 2 passes to its base the gradient times 2*w"),
    ],
)  # fmt: skip
def test_reasons_are_typeset(backprop: Run, form: tuple[str, ...], told: str) -> None:
    done = backprop("explain", "k = w^2; L = atanh(k)", "w=0.5", "--format", *form)
    assert told in done.stdout
    assert "\x0f" not in done.stdout
