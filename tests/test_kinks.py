"""Kinks behind kinks, and other points where a convention must not be called a result."""

from __future__ import annotations

import pytest

from backprop_cli import gradient

NESTED = [
    ("max(max(x, 0), 0)", {"x": 0}),
    ("relu(relu(x))", {"x": 0}),
    ("exp(clip(clip(x, -1, 2), -1, 2))", {"x": 2}),
    ("relu(relu(x)) + x", {"x": 0}),
    ("max(3*x, 0)", {"x": 0}),
]


@pytest.mark.parametrize(("program", "point"), NESTED)
def test_nothing_is_compared_behind_a_kink(program: str, point: dict[str, float]) -> None:
    found = gradient(program, point).check.gradients["x"]
    assert found.at_kink
    assert found.left != found.right


@pytest.mark.parametrize("program", ["relu(expm1(x))", "relu(log1p(x))", "where(expm1(x) > 0, x, -x)"])
def test_a_condition_too_close_to_call_is_no_failure(program: str) -> None:
    assert gradient(program, x=1e-250).check.status != "fail"


def test_the_sign_of_a_slope_at_a_huge_even_power() -> None:
    assert gradient("x^1e16", x=-1).gradients["x"] == -1e16


def test_a_clip_with_nothing_between_its_limits_has_no_kink() -> None:
    assert gradient("clip(x, 0, 0)", x=0).warnings == ()
    assert gradient("clip(x, 2, 1)", x=1).warnings == ()
    assert gradient("clip(x, 0, 1)", x=0).warnings[0].kind == "kink"
