"""Published starts of minimisation: what is called a minimum is one for another judge, too."""

from __future__ import annotations

import math
import sys
from types import ModuleType
from typing import Any

import pytest

from backprop_cli import minimize
from backprop_cli.descent.report import Kind
from console import ROOT

REACHED = [
    "Rosenbrock", "Freudenstein & Roth", "Powell, badly scaled", "Brown, badly scaled", "Beale, 10·start",
    "Helical valley", "Bard", "Gaussian", "Wood", "Penalty I, 4", "Brown, almost linear, 6",
    "Himmelblau, 0.2", "Goldstein & Price, 0.2", "Booth, 0.7", "Styblinski & Tang, 0.2",
    "Camel, six humps, 0.7", "Rastrigin, 0.2",
]  # fmt: skip
NOT_REACHED = [
    "Powell, singular", "Linear, rank 1", "Box, three inputs, 100·start", "Easom, 0.7", "Bukin, 0.2",
    "Gulf research, 100·start", "Adjiman, 0.7",
]  # fmt: skip


@pytest.fixture
def minima(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, with its judge."""
    pytest.importorskip("scipy")
    monkeypatch.syspath_prepend(ROOT / "bench")
    monkeypatch.delitem(sys.modules, "harness", raising=False)
    import minima

    return minima  # type: ignore[no-any-return]


def case_of(minima: ModuleType, name: str) -> Any:
    (case,) = (case for case in minima.read_cases(smoke=False) if case.name == name)
    return case


@pytest.mark.parametrize("name", [*REACHED, *NOT_REACHED])
def test_what_is_called_a_minimum_is_one(minima: ModuleType, name: str) -> None:
    case = case_of(minima, name)
    judge = minima.Judge(case)
    for method in ("newton", "bfgs"):
        found = minimize(case.problem.program, case.start, method=method, steps=100)
        if found.verdict.kind is Kind.REACHED:
            critical = found.verdict.critical
            place = found.steps[-1].point | ((critical.point or {}) if critical is not None else {})
            assert judge.distance(place) < 1e-12
            published = case.problem.minima
            near = [
                abs(float(found.steps[-1].cost) - least) <= 1e-5 * (1 + abs(least)) for least in published
            ]
            assert any(near) or not published
        if method == "newton":
            assert (found.verdict.kind is Kind.REACHED) == (name in REACHED)


def test_the_judge_tells_what_is_no_minimum(minima: ModuleType) -> None:
    judge = minima.Judge(case_of(minima, "Rosenbrock"))
    assert judge.distance({"x1": 1.0, "x2": 1.0}) < 1e-40
    assert judge.distance({"x1": 1 + 1e-9, "x2": 1.0}) == pytest.approx(5e-10, rel=1e-3)
    assert judge.distance({"x1": 1.2, "x2": 1.44}) == math.inf
    saddle = minima.Judge(case_of(minima, "Himmelblau, 0.2"))
    assert saddle.distance({"x1": -0.1279613467, "x2": -1.953714980}) == math.inf
