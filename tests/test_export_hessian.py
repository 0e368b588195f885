"""``export --hessian``: second derivatives as source code are those of ``hessian``, in every language."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from backprop_cli import hessian
from backprop_cli.errors import BackpropError
from backprop_cli.export.languages import LANGUAGES
from backprop_cli.export.source import export_source
from backprop_cli.export.verify import run_test
from backprop_cli.language.source import read_source
from test_export import HARD, in_python, is_there
from test_random_programs import random_program


def exported(program: str, language: str, point: dict[str, float]) -> tuple[str, int, list[str]]:
    source = read_source(program)
    names = list(source.inputs)
    return *export_source(source, LANGUAGES[language], names, point, "found", hessian=True), names


def triangle(names: list[str]) -> list[tuple[str, str]]:
    return [(a, b) for place, a in enumerate(names) for b in names[place:]]


def assert_right(
    program: str, point: dict[str, float], languages: tuple[str, ...] = ("python", "numpy")
) -> None:
    report = hessian(program, point, check=False)
    for language in languages:
        code, _, names = exported(program, language, point)
        _, numbers = in_python(code, "found")(*(point[name] for name in names))  # type: ignore[operator]
        second = list(map(float, numbers))[len(names) :]
        for (a, b), number in zip(triangle(names), second, strict=True):
            entry = report.entries.get(a, {}).get(b)
            right = 0.0 if entry is None else entry.value
            assert number == pytest.approx(right, rel=1e-9, abs=1e-11), (program, a, b)


PROGRAMS: list[tuple[str, dict[str, float]]] = [
    ("z = w*x + b; a = sigmoid(z); C = (a - y)^2", {"w": 0.5, "x": 2, "b": -0.3, "y": 1}),
    ("(1 - x)^2 + 100*(y - x^2)^2", {"x": 1, "y": 1}),
    ("x^2", {"x": 0}),
    ("x^3*y", {"x": 0, "y": 2}),
    ("sinc(x)*y", {"x": 0, "y": 2}),
    ("sinc(x)*y", {"x": 1.5, "y": 2}),
    ("x^y", {"x": 2, "y": 3}),
    ("softplus(x)*silu(y)", {"x": 0, "y": 0.5}),
    ("atan2(y, x)*hypot(x, y)", {"x": 1, "y": 2}),
    ("erf(x)*gelu(y)/cbrt(x + y)", {"x": 0.5, "y": 1}),
    ("where(x > y, x^2*y, exp(y)*x)", {"x": 1, "y": 2}),
    ("max(x*y, x + y, 1)^2", {"x": 2, "y": 3}),
    ("logaddexp(x, y)*tanh(x)", {"x": 0.2, "y": 0.4}),
    ("2*x + y", {"x": 1, "y": 2}),
    ("relu(x)^2*abs(y)", {"x": 2, "y": -3}),
    ("x*x", {"x": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("program", "point"), PROGRAMS, ids=[f"{text} {at}" for text, at in PROGRAMS])
def test_they_are_those_of_hessian(program: str, point: dict[str, float]) -> None:
    assert_right(program, point)


@pytest.mark.parametrize(("program", "x"), HARD)
def test_a_branch_that_is_not_taken_is_silent(program: str, x: float) -> None:
    assert_right(program, {"x": x})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_is_right_by_its_own_test(language: str) -> None:
    if not is_there(language):
        pytest.skip(f"{language} is not installed")
    for program, point in [PROGRAMS[0], PROGRAMS[8], PROGRAMS[10]]:
        code, cases, _ = exported(program, language, point)
        assert cases
        assert run_test(code, LANGUAGES[language], cases) == ""


def test_a_wrong_second_derivative_is_named() -> None:
    code, cases, _ = exported("L = x^2*y", "python", {"x": 3.0, "y": 5.0})
    wrong = code.replace("(6.0, 0.0)", "(6.5, 0.0)", 1).replace(", 6.0, 0.0)", ", 6.5, 0.0)", 1)
    assert "d2L/dx dy at point 1 is 6.0, not 6.5" in run_test(wrong, LANGUAGES["python"], cases)


def test_random_programs() -> None:
    """Where every second derivative is of ordinary size; how many digits others have is told by hessian."""
    rng = Random(5)
    compared = 0
    for _ in range(60):
        program = random_program(rng, 3)
        try:
            names = list(read_source(program).inputs)
            point: dict[str, Any] = {name: round(rng.uniform(0.3, 1.7), 3) for name in names}
            report = hessian(program, point, check=False)
        except BackpropError:
            continue
        entries = [entry for row in report.entries.values() for entry in row.values()]
        if not entries or not all(math.isfinite(entry.value) and abs(entry.value) < 1e6 for entry in entries):
            continue
        assert_right(program, point, ("python",))
        compared += 1
    assert compared > 15


@pytest.mark.parametrize("base", ["0", "(-0)", "(-logit(0.5))", "2"])
def test_a_constant_base_of_0_has_no_bend_above_an_exponent_of_0(base: str) -> None:
    assert_right(f"a*{base}^hypot(x, 2)", {"a": 3.0, "x": 2.0})
