"""Random programs of NumPy, evaluated by Python and NumPy themselves."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import numpy as np
import pytest

from backprop_cli import gradient

UNARY = (
    "np.exp(np.sin({}))", "np.tanh({})", "np.abs({})", "np.square({})", "-{}", "np.log1p(np.abs({}))", "{}.T",
    "np.maximum({}, 0)", "np.clip({}, -0.5, 0.5)", "{}**2", "np.cumsum({}, axis=0)", "np.array({})", "2*{}",
    "np.where({} > 0, 1.5, 0.5)", "{} % 2", "np.float64({})/3",
)  # fmt: skip
BINARY = (
    "{} + {}", "{} - {}", "{}*{}", "np.multiply({}, {})", "np.subtract({}, {})", "{}/(2 + np.abs({}))",
    "np.maximum({}, {})", "np.power(np.abs({}) + 1, {})", "np.where({0} > {1}, {0}, {1})", "np.hypot({}, {})",
)  # fmt: skip
REDUCTIONS = (
    "np.sum({})", "np.mean({})", "{}.sum()", "np.max({})", "np.linalg.norm({})", "np.std({})", "np.prod({})",
    "np.var({}, ddof=1)", "{}.flatten()[0]", "np.sum({}, axis=0).sum()", "{}.sum(axis=-1).max()",
    "np.sum(np.concatenate([{0}, {0}]))", "{}.reshape(-1)[1]", "np.sum({}[::-1])", "len({0})*{0}.sum()",
    "{0}.shape[0]*np.mean({0})", "np.stack([{0}, {0}])[1].sum()", "{}.max(axis=0).sum()",
)  # fmt: skip
VECTORS = ("x", "y", "W[0]", "W[:, 1]", "(W @ x)", "np.array([1.0, -2.0, 0.5])*x", "np.dot(W, y)", "x[::-1]")
MATRICES = ("W", "W.T", "(W @ W)", "np.outer(x, y)", "(np.eye(3) + W)", "(W + x)", "x[:, np.newaxis]*y")


def array(rng: random.Random, depth: int, leaves: tuple[str, ...]) -> str:
    """Return a random expression of arrays, in parentheses."""
    if not depth:
        return f"({rng.choice(leaves)})"
    if rng.random() < 0.5:
        return f"({rng.choice(UNARY).format(array(rng, depth - 1, leaves))})"
    operands = array(rng, depth - 1, leaves), array(rng, rng.randrange(depth), leaves)
    return f"({rng.choice(BINARY).format(*operands)})"


def number(rng: random.Random) -> str:
    """Return a random expression that is one number."""
    terms = [
        rng.choice(REDUCTIONS).format(array(rng, rng.randrange(4), rng.choice([VECTORS, MATRICES])))
        for _ in range(rng.choice([1, 1, 2]))
    ]
    return rng.choice([" + ", " - ", "*"]).join(terms)


@pytest.mark.parametrize("seed", range(6))
def test_a_program_of_numpy_is_what_numpy_computes(seed: int) -> None:
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    python: Callable[..., float] = eval
    for _ in range(20):
        program = number(rng)
        point = {
            name: numbers.normal(size=(3, 3) if name == "W" else 3)
            for name in "xyW"
            if re.search(rf"\b{name}\b", program)
        }
        wanted = python(program, {"np": np, "len": len}, dict(point))
        assert gradient(program, point, check=False).value == pytest.approx(wanted, rel=1e-9), program
