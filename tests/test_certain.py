"""Numbers that are certain: fractions (--exact) and as many digits as are asked for (--precision N)."""

from __future__ import annotations

import json
import random
import re
from fractions import Fraction

import jsonschema
import mpmath
import pytest

from backprop_cli.certain.decimal import compute_digits
from backprop_cli.certain.rational import compute_exactly
from backprop_cli.certain.task import Task, read_task
from backprop_cli.errors import LimitError
from backprop_cli.graph.sweep import Sweep
from backprop_cli.language.source import choose_point, read_assignments, read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Namespace
from backprop_cli.operations.rationals import IrrationalError, RationalNamespace
from backprop_cli.operations.table import TABLE
from backprop_cli.render.certain import render_markdown
from backprop_cli.report import Outcome
from backprop_cli.schemas import schema_text
from conftest import Run


def task(program: str, *words: str, upstream: str = "1") -> Task:
    given = read_assignments(words)
    source = read_source(program, given)
    point = choose_point(source, given)
    return read_task(source, point, words, upstream, list(source.inputs), float(Fraction(upstream)))


# ---- fractions ----


def test_fractions_provide_what_rows_may_call() -> None:
    assert [name for name in Namespace.__annotations__ if not hasattr(RationalNamespace(), name)] == []


RATIONAL = {
    *(
        "add",
        "sub",
        "mul",
        "div",
        "neg",
        "pow",
        "abs",
        "sign",
        "floor",
        "ceil",
        "max",
        "min",
        "clip",
        "where",
    ),
    *("square", "reciprocal", "softsign", "round"),
    *("relu", "leaky_relu", "lt", "le", "gt", "ge"),
}


@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_rational_rows_are_exact_and_others_refused(op) -> None:  # type: ignore[no-untyped-def]
    for xs in op.domain.inside:
        m = RationalNamespace()
        operands = [m.number(x) for x in xs]
        if op.name not in RATIONAL or (op.name == "pow" and xs[1] != int(xs[1])):
            with pytest.raises(IrrationalError):
                op.value(m, *operands)
            continue
        assert float(op.value(m, *operands)) == pytest.approx(op.value(FLOAT, *xs))


def test_a_random_rational_program_is_that_of_python() -> None:
    chance = random.Random(7)
    for _ in range(60):
        text, value = "x", Fraction(3, 10)
        for _ in range(8):
            number = f"{chance.randrange(1, 99) / 10}"
            sign = chance.choice("+-*/")
            text = f"({text}){sign}{number}"
            y = Fraction(number)
            value = {"+": value + y, "-": value - y, "*": value * y, "/": value / y}[sign]
        report = compute_exactly(task(text, "x=0.3"), check=True)
        assert Fraction(report.value.text) == value
        slope = Fraction(compute_exactly(task(text, "x=1.3"), check=True).value.text) - value
        assert Fraction(report.gradients["x"].text) == slope  # it is linear in x


@pytest.mark.parametrize(
    ("program", "words", "value", "gradients"),
    [
        ("x/3 + y^2*x", ["x=0.1", "y=1/3"], "2/45", {"x": "4/9", "y": "1/15"}),
        ("x²/y", ["x=1e-3", "y=3"], "1/3000000", {"x": "1/1500", "y": "-1/9000000"}),
        ("where(x > 0, exp(x), x/7)", ["x=-1/3"], "-1/21", {"x": "1/7"}),
        ("a*d - b*c", ["a=100000001", "b=1e8", "c=1e8", "d=99999999"], "-1",
         {"a": "99999999", "d": "100000001", "b": "-100000000", "c": "-100000000"}),
        ("abs(x)*max(x, y, 0.5)", ["x=-2/3", "y=1/4"], "1/3", {"x": "-1/2", "y": "0"}),
        ("1/3", [], "1/3", {}),
    ],
)  # fmt: skip
def test_fractions(program: str, words: list[str], value: str, gradients: dict[str, str]) -> None:
    report = compute_exactly(task(program, *words), check=True)
    assert report.value.text == value
    assert {name: x.text for name, x in report.gradients.items()} == gradients
    assert report.status == Outcome.PASS


def test_sympy_disagrees_with_a_wrong_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Sweep.gradient
    monkeypatch.setattr(Sweep, "gradient", lambda self, node, m: right(self, node, m) + m.number(1))
    report = compute_exactly(task("x*y/3", "x=1/7", "y=2"), check=True)
    assert report.value.status == Outcome.PASS
    assert {x.reason for x in report.gradients.values()} == {"sympy disagrees"}
    assert "CHECK FAILED" in render_markdown(report)


def test_fractions_that_sympy_has_not_are_not_confirmed(backprop: Run) -> None:
    done = backprop("grad", "round(x)*x", "x=1/3", "--exact", "--strict")
    assert done.returncode == 1
    assert "exact; not compared: sympy's formula has no fraction here" in done.stdout
    assert backprop("grad", "x/3", "x=1/3", "--exact", "--strict").returncode == 0
    done = backprop("grad", "x/3", "x=1/3", "--exact", "--no-check")
    assert "exact; not compared: not asked for" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("x + exp(y)", "x=1", "y=2"), 2, "not rational: exp(y)"),
        (("x*pi", "x=1"), 2, "not rational: x*pi"),
        (("x*2", "x=pi"), 2, "the value of x is not rational"),
        (("x*2", "x=sqrt(2)"), 2, "the value of x is not rational"),
        (("x^0.5", "x=4"), 2, "not rational: x^0.5"),
        (("x^n", "x=3", "n=2"), 2, "the gradient with respect to n is not rational: x^n by n"),
        (("1/(x - 0.3)", "x=0.1+0.2"), 3, "1/(x - 0.3) needs a divisor other than 0, got x - 0.3 = 0"),
        ((";".join(["x=x*x"] * 60), "x=3"), 2, "a fraction on the way has more than 30,000 digits"),
        (("x^200000", "x=1/3"), 2, "a power on the way has more than 30,000 digits"),
        (("x", "x=1", "--format", "csv"), 2, "numbers that are no doubles have no form csv"),
        (("x", "x=1", "--precision", "3"), 2, "--exact and --precision contradict each other"),
        (("x", "x=1e-9999"), 2, "1e-9999 is too small to be computed with as it is written"),
    ],
)
def test_what_is_no_fraction(backprop: Run, words: tuple[str, ...], status: int, message: str) -> None:
    done = backprop("grad", *words, "--exact")
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.splitlines()[0] == f"backprop: {message}"


def test_a_long_fraction_is_whole(backprop: Run) -> None:
    report = json.loads(backprop("grad", "x^9000", "x=10/7", "--exact", "--json").stdout)
    top, bottom = report["value"].split("/")
    assert top == "1" + "0" * 9000
    assert (len(bottom), int(bottom[-4:])) == (7606, pow(7, 9000, 10_000))


# ---- digits ----

TRUE = [
    ("exp(x)/y", ["x=0.1", "y=3"], lambda x, y: mpmath.exp(x) / y),
    ("(1-cos(x))/x^2", ["x=1e-9"], lambda x: 2 * (mpmath.sin(x / 2) / x) ** 2),
    ("log(1-exp(-x))", ["x=50"], lambda x: mpmath.log(1 - mpmath.exp(-x))),
    ("sqrt(x)*x^0.1", ["x=2"], lambda x: x ** (mpmath.mpf(6) / 10)),
    ("exp(x)", ["x=1000"], mpmath.exp),
    ("sin(x)", ["x=pi/4"], mpmath.sin),
    ("1 - cos(x)", ["x=1e-100"], lambda x: 2 * mpmath.sin(x / 2) ** 2),
]


@pytest.mark.parametrize("digits", [1, 7, 30, 400])
@pytest.mark.parametrize(("program", "words", "true"), TRUE)
def test_every_digit_is_right(program, words, true, digits) -> None:  # type: ignore[no-untyped-def]
    report = compute_digits(task(program, *words), digits, check=True)
    assert report.status == "pass"
    with mpmath.workdps(1500):
        values = [word.split("=")[1] for word in words]
        point = [mpmath.pi / 4 if text == "pi/4" else mpmath.mpf(text) for text in values]
        exact = [true(*point)] + [mpmath.diff(true, point, _unit(i, point)) for i in range(len(point))]
        shown = [report.value.text, *(x.text for x in report.gradients.values())]
        for text, x in zip(shown, exact, strict=True):
            unit = mpmath.mpf(10) ** (mpmath.floor(mpmath.log10(abs(x))) - digits + 1)
            assert abs(mpmath.mpf(text) - x) <= unit * 0.51
            assert len(text.split("e")[0].replace("-", "").replace(".", "").lstrip("0")) <= max(digits, 16)


def _unit(i: int, point: list[object]) -> tuple[int, ...]:
    return tuple(int(j == i) for j in range(len(point)))


def test_more_digits_are_taken_until_the_bounds_allow() -> None:
    # 1 - cos(1e-300) takes 600 digits.
    report = compute_digits(task("1 - cos(x)", "x=1e-300"), 5, check=True)
    assert (report.value.text, report.value.status) == ("5.0000e-601", "pass")


def test_zero_is_proved_or_not_said() -> None:
    proved = compute_digits(task("x - x + relu(y)", "x=0.3", "y=-1"), 20, check=True)
    assert (proved.value.text, proved.value.within) == ("0", "")
    by_sympy = compute_digits(task("log(x^2) - 2*log(x)", "x=0.3"), 20, check=True)
    assert (by_sympy.gradients["x"].text, by_sympy.gradients["x"].status) == ("0", "pass")
    assert by_sympy.value.within.startswith("1e-32")


def test_decimals_are_what_is_written(backprop: Run) -> None:
    done = backprop("grad", "where(x > 0.3, x, 2*x)", "x=0.1+0.2", "--precision", "3")
    assert "v3 = 0.600; 3 digits right" in done.stdout
    moved = "v3 by -0.3 and the gradient with respect to x by -1.0"
    assert f"read as doubles they would move {moved}" in done.stdout
    assert done.stderr.startswith("warning: x > 0.3 is not differentiable here; used: the branch")
    assert "read as doubles" not in backprop("grad", "x*y", "x=0.5", "y=3", "--precision", "3").stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("x", "x=1", "--precision", "0"), 2, "--precision can't be '0'"),
        (("x", "x=1", "--precision", "10001"), 2, "--precision can't be '10001'"),
        (("x", "x=1", "--precision", "ten"), 2, "--precision can't be 'ten'"),
        (("log(x)", "x=-1", "--precision", "9"), 3, "log needs an operand > 0, got x = -1"),
        (
            ("sqrt(x)", "x=0", "--precision", "9"),
            3,
            "the gradient with respect to x is infinite at this point",
        ),
        (("sin(pi*x)", "x=1", "--precision", "9"), 1, "9 digits could not be had of the value"),
    ],
)
def test_what_has_no_digits(backprop: Run, words: tuple[str, ...], status: int, message: str) -> None:
    done = backprop("grad", *words)
    assert (done.returncode, done.stderr.splitlines()[0]) == (status, f"backprop: {message}")


def test_a_large_program_has_a_limit() -> None:
    with pytest.raises(LimitError, match="nodes, too many for 10,000 digits"):
        compute_digits(task("+".join(f"sin({i}*x)" for i in range(200)), "x=1"), 10_000, check=False)


def test_a_wrong_partial_is_found_by_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    from backprop_cli.graph.sweep import Sweep

    right = Sweep.gradient
    monkeypatch.setattr(
        Sweep, "gradient", lambda self, node, m: right(self, node, m) * m.number(Fraction(1001, 1000))
    )
    assert compute_digits(task("exp(x)", "x=1"), 20, check=True).gradients["x"].status == "fail"


def test_output_fits_the_schema(backprop: Run) -> None:
    schema = json.loads(schema_text("exact"))
    jsonschema.Draft202012Validator.check_schema(schema)
    for words in (
        *(("x/3 + relu(y)", "x=0.1", "y=0", "--exact"), ("exp(x)", "x=0.1", "--precision", "60")),
        *(("sum(W)", "W=[[1/3,0.1]]", "--exact"), ("norm(x)", "x=[0.1,1/3]", "--precision", "20")),
        *(("sin(pi*x)", "x=1", "--precision", "9"), ("exp(x)", "x=2", "--precision", "9", "--no-check")),
    ):
        jsonschema.validate(json.loads(backprop("grad", *words, "--json").stdout), schema)


def test_fractions_as_markdown(backprop: Run) -> None:
    done = backprop("grad", "x/3", "x=0.5", "--exact", "--format", "markdown")
    assert "| `v1` | `x/3` | 1/6 | `∂v1/∂x = 1/3` | 1 |" in done.stdout.splitlines()


# ---- at kinks ----


@pytest.mark.parametrize("option", ["--exact", "--precision=9"])
@pytest.mark.parametrize(
    ("program", "point", "gradient", "check"),
    [
        ("relu(x) - relu(-x)", "x=0", "1", "ok, from both sides"),
        ("max(x, x)", "x=1", "1", "ok, from both sides"),
        ("abs(x)*x*y", "x=0 y=1/3", "0", "ok, from both sides"),
        ("where(abs(x) > 0, 2*x, x)", "x=0", "2", "ok, from both sides"),
        ("abs(x)", "x=0", "0", "behind a kink, by convention"),
    ],
)
def test_a_gradient_behind_a_kink(
    backprop: Run, option: str, program: str, point: str, gradient: str, check: str
) -> None:
    done = backprop("grad", program, *point.split(), option, "--wrt", "x")
    assert done.returncode == 0
    assert re.search(rf"^x +{gradient}  {check}$", done.stdout, re.MULTILINE)
    assert ("by convention" in check) == ("is not differentiable here" in done.stderr)
    assert "would move the gradient" not in done.stdout


@pytest.mark.parametrize(
    ("program", "gradient"), [("sqrt(x^2 + 2*x^2)^2", "0"), ("max(x,0) + log(1 + exp(-abs(x)))", "0.5")]
)
def test_digits_of_a_gradient_from_both_sides(backprop: Run, program: str, gradient: str) -> None:
    done = backprop("grad", program, "x=0", "--precision", "20")
    assert re.search(rf"^x +{gradient}  ok, from both sides$", done.stdout, re.MULTILINE)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("program", "x", "moved"), [("1/x", "1e-300", "e"), ("x*3", "1e-400", "v1 by -3.0e-400")]
)
def test_a_move_beyond_doubles_is_told(backprop: Run, program: str, x: str, moved: str) -> None:
    done = backprop("grad", program, f"x={x}", "--exact")
    assert (done.returncode, done.stderr) == (0, "")
    assert "read as doubles they would move" in done.stdout
    assert moved in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("program", "point", "expected"),
    [
        ("sin(1)*(relu(x) - relu(-x))", "x=0", lambda mp: mp.sin(1)),
        ("exp(max(x,0) - min(0,-x) + 1)*relu(x) - exp(1)*relu(-x)", "x=0", lambda mp: mp.e),
        ("(relu(x) - relu(-x))/3", "x=0", lambda mp: 1 / mp.mpf(3)),
        ("sqrt(2)*cbrt(x)^3", "x=0", lambda mp: mp.sqrt(2)),
    ],
)
@pytest.mark.parametrize("digits", [5, 60, 300])
def test_a_gradient_from_both_sides_has_the_digits_asked_for(backprop: Run, program, point, expected, digits):
    done = backprop("grad", program, point, "--precision", str(digits), "--json")
    found = json.loads(done.stdout)["gradients"]["x"]
    mp = mpmath.mp.clone()
    mp.dps = digits + 20
    true = expected(mp)
    assert abs(mp.mpf(found) - true) <= abs(true) * mp.mpf(10) ** (1 - digits) * 0.5000001
    assert len(found.replace("0.", "")) <= digits + 1


def test_a_derivative_that_takes_1600_digits_is_had(backprop: Run) -> None:
    done = backprop("grad", "(1-cos(x))/x^2", "x=1e-200", "--precision", "10", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["gradients"] == {"x": "-8.333333333e-202"}


def test_what_no_digits_tell_is_not_said_not_to_exist(backprop: Run) -> None:
    done = backprop("grad", "sqrt(1-(sin(x)^2+cos(x)^2))", "x=0.5", "--precision", "10")
    assert done.returncode == 3
    assert "gradient with respect to x can't be told from one that has no value at this point" in done.stderr


def test_arrays_are_what_is_written(backprop: Run) -> None:
    words = ("mean(x) + 0.1*sum(W@x)", "x=[0.1, 1/3]", "W=[[1, -2], [3, 2^-3]]")
    done = backprop("grad", *words, "--exact", "--json", "--strict")
    found = json.loads(done.stdout)
    assert found["inputs"] == {"x": ["1/10", "1/3"], "W": [["1", "-2"], ["3", "1/8"]]}
    assert found["gradients"] == {"x": ["9/10", "5/16"], "W": [["1/100", "1/30"], ["1/100", "1/30"]]}
    assert {node["expr"] for node in found["nodes"]} >= {"v8/2", "(1/10)*v2"}
    digits = json.loads(backprop("grad", *words, "--precision", "20", "--json", "--wrt", "x").stdout)
    assert digits["gradients"] == {"x": ["0.90000000000000000000", "0.31250000000000000000"]}


def test_an_array_from_a_file_is_not_what_is_written(backprop: Run) -> None:
    done = backprop("grad", "sum(x)", "x=@x.csv:h", "--exact")
    assert done.returncode == 2
    assert "can't read x.csv" in done.stderr or "x comes from a file" in done.stderr
