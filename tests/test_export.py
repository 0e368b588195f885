"""``export``: source code that is right by its own test, and silent about branches that are not taken."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from backprop_cli import gradient
from backprop_cli.compile.registers import INSTRUCTIONS
from backprop_cli.errors import BackpropError, UsageError
from backprop_cli.export.languages import LANGUAGES
from backprop_cli.export.source import export_source
from backprop_cli.export.verify import run_test
from backprop_cli.language.source import read_source
from backprop_cli.operations.table import TABLE
from conftest import Run
from test_random_programs import random_program

NEURON = "z = w*x + b; a = sigmoid(z); C = (a - y)^2"
TOOLS = {
    "c": "gcc",
    "cpp": "g++",
    "python": "python3",
    "numpy": "python3",
    "javascript": "node",
    "rust": "rustc",
    "fortran": "gfortran",
    "julia": "julia",
}
HARD = [
    ("where(x > 0, sqrt(x)*exp(sqrt(x)), x)", -1.0),
    ("relu(-sqrt(x))", 0.5),
    ("max(sqrt(x), 1)", 0.25),
    ("where(x > 0, log(x), x)", -2.0),
    ("where(x < 0, 1/x, x^2)", 3.0),
    ("clip(log(x), -1, 1)", 0.001),
    ("min(exp(x), 2)", 600.0),
    ("relu(log(x))", 0.5),
    ("where(x > 0, where(x > 1, sqrt(x - 1), x), x*x)", 0.5),
    ("a = where(x > 0, sqrt(x), 0); a*a + where(x > 0, log(a), x)", -1.0),
    ("where(x > 0, x^2, log(-1))", 1.5),
    ("1/where(0 <= pi, x^2, (x + 2)/(x*3))", 1.5),
    ("where(x > 0, x, (log(2) - 3)^x)", 1.5),
    ("leaky_relu(x, 0.1)*where(x > 2, acos(x), 1)", 1.5),
]


def exported(program: str, language: str, point: dict[str, float] | None = None) -> tuple[str, int]:
    source = read_source(program)
    return export_source(source, LANGUAGES[language], list(source.inputs), point)


def is_there(language: str) -> bool:
    return TOOLS[language] == "python3" or shutil.which(TOOLS[language]) is not None


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_can_write_every_instruction(language: str) -> None:
    lacking = set(INSTRUCTIONS) - set(LANGUAGES[language].forms)
    assert lacking == ({"erf", "erfc"} if language in ("javascript", "julia") else set())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_neuron_is_right_by_its_own_test_without_a_warning(language: str, tmp_path: Path) -> None:
    if not is_there(language):
        pytest.skip(f"{TOOLS[language]} is not installed")
    code, cases = exported(NEURON, language)
    assert cases == 3
    slopes = ("gradient",) if language in ("c", "cpp", "fortran") else ("C_w", "C_x", "C_b", "C_y")
    for step in ("z", "a", "C", *slopes):
        assert re.search(rf"\b{step}\b", code)
    assert "sigmoid(z)" in code  # as a comment
    assert run_test(code, LANGUAGES[language], cases) == ""
    if language in ("c", "cpp", "fortran"):
        file = tmp_path / f"a{LANGUAGES[language].ending}"
        code, _ = exported(f"u = q*q; {NEURON}; C + 0*unused", language)
        file.write_text(code)
        flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-c", "-o", str(tmp_path / "a.o"), str(file)]
        for more in ([], ["-DBACKPROP_TEST"]):
            done = subprocess.run(
                [TOOLS[language], *flags, *more], capture_output=True, check=False, cwd=tmp_path
            )
            assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_wrong_number_is_named(language: str) -> None:
    if not is_there(language):
        pytest.skip(f"{TOOLS[language]} is not installed")
    code, cases = exported("L = x*y", language, {"x": 3.0, "y": 5.0})
    wrong = re.sub(r"\b15\.0(d0)?(?=, 0\.0(d0)?\))", r"15.5\1", code, count=1)
    wrong = re.sub(r"\b3\.0(d0)?(?=, 0\.0(d0)?\))", r"3.5\1", wrong, count=1)
    said = run_test(wrong, LANGUAGES[language], cases)
    assert re.search(r"^L at point 1 is +1\.?5\S*, not +1\.?5\.?5", said, re.MULTILINE)
    assert re.search(r"^dL/dy at point 1 is +3\S*, not +3\.5", said, re.MULTILINE)
    assert "dx" not in said.replace("dL/dx at point 1 is +5", "")


def test_a_file_without_a_test_is_not_verified() -> None:
    code, _ = exported("x*x", "python", {"x": 3.0})
    with pytest.raises(UsageError, match="has no test"):
        run_test(code, LANGUAGES["python"], 0)


def in_python(code: str, function: str = "program") -> object:
    space: dict[str, object] = {"__name__": "exported"}
    exec(code, space)
    return space[function]


@pytest.mark.parametrize(("program", "x"), HARD)
def test_a_branch_that_is_not_taken_is_silent(program: str, x: float) -> None:
    expected = gradient(program, x=x, check=False)
    for language in ("python", "numpy"):
        value, slopes = in_python(exported(program, language, {"x": x})[0])(x)  # type: ignore[operator]
        assert (float(value), float(slopes[0])) == pytest.approx((expected.value, expected.gradients["x"]))
    for language in ("c", "javascript", "fortran"):
        if is_there(language) and (language != "fortran" or program.startswith("where(x > 0, sqrt")):
            code, cases = exported(program, language, {"x": x})
            assert cases
            assert run_test(code, LANGUAGES[language], cases) == ""


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e160, 1e200])
@pytest.mark.parametrize("program", ["atan2(y, x)", "hypot(y, x)"])
def test_squares_neither_overflow_nor_underflow(program: str, size: float) -> None:
    point = {"y": size, "x": 2 * size}
    expected = gradient(program, point, check=False)
    assert all(expected.gradients.values())
    for language in ("python", "numpy"):
        _, slopes = in_python(exported(program, language, point)[0])(*point.values())  # type: ignore[operator]
        assert list(map(float, slopes)) == pytest.approx(list(expected.gradients.values()), rel=1e-13)
    for language in ("c", "javascript"):
        if is_there(language):
            code, cases = exported(program, language, point)
            assert cases == 3
            assert run_test(code, LANGUAGES[language], cases) == ""


def test_a_special_function_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="lgamma can't be exported"):
        exported("x*lgamma(x)", "c")


def test_a_power_overflows_no_sooner_than_its_slope() -> None:
    x, n = 1e-310, 0.001
    expected = gradient(f"x^{n}", x=x, check=False).gradients["x"]
    assert math.isfinite(expected)
    _, slopes = in_python(exported(f"x^{n}", "python")[0])(x)  # type: ignore[operator]
    assert slopes[0] == pytest.approx(expected, rel=1e-9)
    assert "INFINITY" not in exported("x^3 + x^-2.5", "c")[0]  # where that can't be, nothing is in the way


@pytest.mark.parametrize("language", ["python", "numpy"])
def test_random_programs_are_those_of_grad(language: str) -> None:
    compared = 0
    for seed in range(150):
        program = random_program(Random(seed), 4)
        point = {name: Random(seed).uniform(0.2, 1.8) for name in read_source(program).inputs}
        try:
            report = gradient(program, point, check=False)
        except BackpropError:
            continue
        if not point or report.warnings or not all(map(math.isfinite, report.gradients.values())):
            continue
        value, slopes = in_python(exported(program, language, point)[0])(*point.values())  # type: ignore[operator]
        assert float(value) == pytest.approx(report.value, rel=1e-9), program
        found = dict(zip(report.gradients, map(float, slopes), strict=True))
        assert found == pytest.approx(report.gradients, rel=1e-9, abs=1e-12), program
        compared += 1
    assert compared > 60


def test_every_operation_is_right_in_c() -> None:
    if not is_there("c"):
        pytest.skip("gcc is not installed")
    terms = []
    for op in TABLE:
        if op.condition or op.infix or op.special or not op.domain.inside:
            continue
        xs = next(
            (xs for xs in op.domain.inside if all(map(math.isfinite, xs)) and max(map(abs, xs)) < 50), None
        )
        if xs is not None:
            operands = ", ".join(f"({x!r} + 0.001*x)" for x in xs)
            terms.append(f"{op.name}({operands})" if op.name != "where" else f"where(x > 0, {xs[-1]!r}*x, x)")
    program = " + ".join(terms)
    code, cases = exported(program, "c", {"x": 0.3})
    assert cases
    assert run_test(code, LANGUAGES["c"], cases) == ""


# ---- the command ----


def test_the_command(backprop: Run, tmp_path: Path) -> None:
    out = tmp_path / "n.py"
    done = backprop("export", NEURON, "w=0.5", "x=2", "b=-0.3", "y=1", "--to", "python", "--output", str(out),
                    "--verify", "--wrt", "w,b", "--function", "neuron")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "verified at 3 points\n")
    value, slopes = in_python(out.read_text(), "neuron")(0.5, 2, -0.3, 1)  # type: ignore[operator]
    report = gradient(NEURON, w=0.5, x=2, b=-0.3, y=1, wrt=["w", "b"], check=False)
    assert value == pytest.approx(report.value, rel=1e-15)
    assert slopes == pytest.approx(tuple(report.gradients.values()), rel=1e-15)
    done = subprocess.run([sys.executable, str(out)], capture_output=True, check=False)
    assert done.stdout == b"ok\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["a*b"], "--to"),
        (["a*b", "--to", "cobol"], "--to"),
        (["2", "--to", "c"], "no input"),
        (["erf(x)", "--to", "javascript"], "javascript has no erf"),
        (["a*b", "--to", "c", "a=1"], "b has no value"),
        (["a*", "--to", "c"], "value is expected"),
        (["a*b", "--to", "c", "--upstream", "2"], "--upstream"),
        (["log(x)", "x=-1", "--to", "c", "--verify"], "nothing to verify"),
        (["a*b", "--to", "c", "--output", "/nowhere/at/all.c"], "can't write"),
        (["erf(x)", "--to", "julia"], "julia has no erf"),
        (["a*b", "--to", "latex", "--verify"], "LaTeX has no test"),
        (["a*b", "--to", "latex", "--function", "f"], "LaTeX has no function"),
        (["2", "--to", "latex"], "no input"),
    ],
)
def test_what_is_refused(backprop: Run, args: list[str], words: str) -> None:
    done = backprop("export", *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr


def test_shapes_are_enough_for_arrays(backprop: Run) -> None:
    given = backprop("export", "sum(W@x)", "W=[[1, 2], [3, 4]]", "x=[1, 2]", "--to", "latex")
    shaped = backprop("export", "sum(W@x)", "W:2x2", "x:2", "--to", "latex")
    assert (shaped.returncode, shaped.stdout) == (0, given.stdout)
    assert backprop("export", "sum(W@x)", "W:2x2", "x:2", "--to", "python", "--verify").returncode == 0
    mixed = backprop("export", "sum(w)*b", "w:2", "b=1", "--to", "c")
    assert (mixed.returncode, "hint: beside w:2 nothing has a value" in mixed.stderr) == (2, True)


def test_names_that_a_language_has_taken(backprop: Run) -> None:
    code = backprop("export", "int*θ + gradient*lambda + x_1", "--to", "c", "--function", "double").stdout
    assert "double double_2(double int_2, double theta, double gradient_2, double lambda, double x_1," in code
    code = backprop("export", "x = a*b; value = x*x; value + wrong", "--to", "python").stdout
    assert "value_2" in code
    assert in_python(code)(2.0, 3.0, 1.0)[0] == 37.0  # type: ignore[operator]


def test_fortran_has_short_lines_and_names_without_case(backprop: Run) -> None:
    long = "_".join(["name"] * 20)
    code = backprop(
        "export", f"{long}*(L + l + Exp + _x) + tanh(l)^3/hypot(L, l)^2.5*1e-7", "--to", "fortran"
    ).stdout
    assert max(map(len, code.splitlines())) <= 132
    words = set(re.findall(r"[A-Za-z_]\w*", code.partition("#ifdef")[0].replace("name_", "")))
    assert {"L", "l_2", "Exp_2", "x_x"} <= words
    assert max(map(len, re.findall(r"^ *double precision.*", code, re.MULTILINE))) <= 132


def test_julia_as_text() -> None:
    code, cases = exported("θ = a^2.5; where(a > 1, log(θ), atan2(a, 2)) + 1e-9*a", "julia")
    assert cases == 3
    assert "function program(a::Float64)\n" in code
    assert "    θ = _quiet(^, a, 2.5)  # θ = a^2.5\n" in code
    assert "(t1 ? _quiet(log, θ) : atan(a, 2.0))" in code
    assert "g[1]" in code
    assert "g[0]" not in code
    assert "return " in code
    assert "(d_a,)\nend\n" in code
    assert code.count("\nend\n") == 3


def test_latex_is_formulas(backprop: Run) -> None:
    done = backprop(
        "export", "e_1 = a/b; L = where(e_1 > 0, sqrt(e_1), 1e-7)*α", "--to", "latex", "a=1", "b=2", "α=3"
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = done.stdout.partition("align*}\n")[2].partition("\\end{align*}")[0].splitlines()
    assert rows[0] == r"  e_{1} &= \frac{a}{b} \\"
    assert r"  L &= t_{3} \cdot \alpha \\" in rows
    assert all(row.count("{") == row.count("}") for row in rows)
    assert [row.partition(" &=")[0] for row in rows[-3:]] == [
        rf"  \frac{{\partial L}}{{\partial {name}}}" for name in ("a", "b", r"\alpha")
    ]
    assert r"1 \times 10^{-7}" in done.stdout


def test_latex_gives_the_output_a_name_of_its_own(backprop: Run) -> None:
    assert "  f_{1} &= (x \\cdot y) + f \\\\\n" in backprop("export", "x*y + f", "--to", "latex").stdout
    code = backprop("export", "t1*exp(t1*q)*exp(t1*q)", "--to", "latex").stdout
    assert re.findall(r"^  (t_\S+) &=", code, re.MULTILINE) == ["t_{2}", "t_{3}", "t_{4}"]
    code = backprop("export", "x_1*x1", "--to", "latex").stdout
    assert r"  y &= x_{1} \cdot \text{x1}" in code
