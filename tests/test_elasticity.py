"""Relative derivatives: of powers they are the exponents, and there are none at kinks and zeros."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from backprop_cli import gradient
from backprop_cli.calculus.elasticity import elasticities
from backprop_cli.calculus.report import Elasticity
from backprop_cli.language.source import read_source
from backprop_cli.schemas import schema_text


@pytest.mark.parametrize(
    ("program", "point", "name", "value", "condition"),
    [
        ("a*b^3", {"a": 2, "b": 3}, "b", 3, 3),
        ("a*b^3", {"a": -2, "b": 3}, "a", 1, 3),
        ("a/b", {"a": 5, "b": 4}, "b", -1, 3),
        ("1e-200*a + b", {"a": 1e-150, "b": 1}, "a", None, 0),
        ("a + b", {"a": 3, "b": 1}, "a", 0.75, 0),
        ("a - b", {"a": 3, "b": 3}, "a", None, 0),
        ("a^2", {"a": 0}, "a", None, None),
        ("abs(a) + b", {"a": 0, "b": 1}, "a", None, None),
        ("abs(a) + exp(b)", {"a": 0, "b": 2}, "b", 2, None),
        ("cbrt(a)", {"a": 0}, "a", None, None),
        ("a + b", {"a": 1e-300, "b": 1e300}, "a", None, 0),
    ],
)
@pytest.mark.parametrize("upstream", [1.0, -10.0])
def test_relative_derivatives(
    program: str, point: dict[str, float], name: str, value: Any, condition: Any, upstream: float
) -> None:
    report = gradient(program, point, upstream=upstream)
    found = elasticities(read_source(program, point), report)[name]
    assert found == Elasticity(pytest.approx(value), pytest.approx(condition))


def test_the_forms(backprop: Any) -> None:
    words = "grad", "a*b^3", "a=2", "b=3", "--elasticity"
    assert "condition of the gradient" in backprop(*words).stdout
    record = json.loads(backprop(*words, "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("grad")))
    assert record["elasticity"]["b"] == {"value": 3, "condition": 3}
    for more in (["--format", "csv"], ["--exact"], ["--precision", "20"]):
        assert backprop(*words, *more).returncode == 2
