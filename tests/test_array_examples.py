"""Formulas of vectors and matrices as others document them, beside their gradients written in NumPy."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backprop_cli import gradient

RNG = np.random.default_rng(11)
A, B, X = RNG.normal(size=(4, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=(5, 4))
x, y, w = RNG.normal(size=4), RNG.normal(size=5), RNG.normal(size=4)
b, s = RNG.normal(size=3), RNG.choice([-1.0, 1.0], size=5)
GIVEN: dict[str, Any] = {"A": A, "B": B, "X": X, "x": x, "y": y, "w": w, "b": b, "s": s}


def sigmoid(t: Any) -> Any:
    return 1 / (1 + np.exp(-t))


def size(t: Any) -> Any:
    return np.linalg.norm(t)


def shares(t: Any) -> Any:
    e = np.exp(t - t.max())
    return e / e.sum()


# Those of matrixcalculus.org, as NumPy writes them: x'*A*x is x @ A @ x, a.*b is a*b.
EXAMPLES: list[tuple[str, str, Callable[[], Any]]] = [
    ("x @ A @ x", "x", lambda: (A + A.T) @ x),
    ("0.5*x @ A @ x + x @ w", "x", lambda: 0.5 * (A + A.T) @ x + w),
    ("norm(B @ x - b)^2", "x", lambda: 2 * B.T @ (B @ x - b)),
    ("norm(B @ x - b)", "x", lambda: B.T @ (B @ x - b) / np.linalg.norm(B @ x - b)),
    ("sum(abs(B @ x - b))", "x", lambda: B.T @ np.sign(B @ x - b)),
    ("sum(log(exp(-s*(X @ w)) + 1))", "w", lambda: X.T @ (-s * sigmoid(-s * (X @ w)))),
    ("sum((X @ w - y)^2)/5 + 0.1*w @ w", "w", lambda: 2 * X.T @ (X @ w - y) / 5 + 0.2 * w),
    ("sum(exp(x))", "x", lambda: np.exp(x)),
    ("log(sum(exp(x)))", "x", lambda: shares(x)),
    ("logsumexp(B @ x)", "B", lambda: np.outer(shares(B @ x), x)),
    ("b @ tanh(B @ x)", "B", lambda: np.outer(b * (1 - np.tanh(B @ x) ** 2), x)),
    ("sum(x^3*w)", "x", lambda: 3 * x**2 * w),
    ("x @ w/(norm(x)*norm(w))", "x", lambda: (w - (x @ w) * x / (x @ x)) / (size(x) * size(w))),
    ("sum((A @ A.T)*A)", "A", lambda: (A + A.T) @ A + A @ A.T),
    ("sum(outer(x, w)*A)", "x", lambda: A @ w),
    ("prod(x)", "x", lambda: np.prod(x) / x),
    ("var(x)", "x", lambda: 2 * (x - x.mean()) / 4),
]  # fmt: skip


@pytest.mark.parametrize(("program", "name", "right"), EXAMPLES, ids=[text for text, *_ in EXAMPLES])
def test_gradients_are_those_of_the_formulas(program: str, name: str, right: Callable[[], Any]) -> None:
    used = set(re.findall(r"\b[A-Za-z]\b", program))
    report = gradient(program, {key: value for key, value in GIVEN.items() if key in used})
    assert report.check.status == "pass"
    assert np.allclose(np.array(report.arrays[name].gradient), right(), rtol=1e-12, atol=1e-14)


def test_a_small_mlp_has_the_gradients_of_backpropagation_by_hand() -> None:
    """Two inputs, hidden layers of four and three ReLUs, a linear output, a squared loss, as in micrograd."""
    shapes = {"U": (4, 2), "a": (4,), "V": (3, 4), "c": (3,), "W": (1, 3), "d": (1,)}
    count = iter(range(1, 100))
    point = {
        k: np.array([np.sin(next(count)) for _ in range(int(np.prod(n)))]).reshape(n)
        for k, n in shapes.items()
    }
    inputs, wanted = np.array([0.5, -1.25]), 0.75
    report = gradient(
        "h = relu(U @ x + a); k = relu(V @ h + c); out = W @ k + d; L = sum((out - y)^2)",
        {**point, "x": inputs, "y": wanted},
    )
    h = np.maximum(point["U"] @ inputs + point["a"], 0)
    k = np.maximum(point["V"] @ h + point["c"], 0)
    out = 2 * (point["W"] @ k + point["d"] - wanted)
    at_k = (point["W"].T @ out) * (k > 0)
    at_h = (point["V"].T @ at_k) * (h > 0)
    right = {
        "d": out,
        "W": np.outer(out, k),
        "c": at_k,
        "V": np.outer(at_k, h),
        "a": at_h,
        "U": np.outer(at_h, inputs),
    }
    assert report.check.status == "pass"
    for name, expected in right.items():
        assert np.allclose(np.array(report.arrays[name].gradient), expected, rtol=1e-12, atol=1e-15), name


def test_a_number_that_an_array_holds_keeps_its_own_row():
    report = gradient("z = a*b; p = [z, 2*z, b]; sum(p)", a=1, b=2)
    rows = [getattr(record, "id", None) or record.name for record in report.outline]
    assert rows == ["a", "b", "z", "p", "v1"]
    # What z stands for has 3 by both ways; as an element of p alone it has none.
    assert report.arrays["p"].gradient == [None, 1, None]
    assert next(node.gradient for node in report.nodes if node.id == "z") == 3


def test_a_double_sum_is_over_both_indices():
    report = gradient(r"\sum_i \sum_j x_i y_j", x=[1, 2], y=[3, 4, 5])
    assert (report.value, report.gradients["x[0]"], report.gradients["y[0]"]) == (36, 12, 3)
