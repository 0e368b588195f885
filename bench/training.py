"""The first hundred steps of training, here and in JAX: the same numbers, and the time.

``python bench/training.py`` trains XOR by a 2-4-1 network and two moons by a 2-8-1 network, by
gradient descent, momentum and Adam over all rows, with the command and with JAX where it is installed. For
each it prints how far the parameters are apart at the worst of the steps, as a fraction of the largest, and
the seconds of both: of the command as a whole, and of JAX without its import, compiling included.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DATA = Path(__file__).parents[1] / "docs" / "data"
STEPS = 100


class Problem(NamedTuple):
    """program: the cost of a row.  data: the file.  hidden: units.  is_label: the loss is that of a label."""

    program: str
    data: str
    hidden: int
    is_label: bool


PROBLEMS = {
    "XOR, 2-4-1": Problem(
        "h = tanh(W@[p, q] + b); o = sigmoid(v@h + c); (o - t)^2", "xor.csv", 4, is_label=False
    ),
    "moons, 2-8-1": Problem(
        "h = tanh(W@[p, q] + b); z = v@h + c; softplus(z) - t*z", "moons.csv", 8, is_label=True
    ),
}
RATES = {"gd": 0.5, "momentum": 0.1, "adam": 0.05}


def start(hidden: int) -> dict[str, np.ndarray]:
    """Return parameters of a usual size."""
    rng = np.random.default_rng(1)
    return {
        "W": rng.normal(size=(hidden, 2)),
        "b": rng.normal(size=hidden) * 0.1,
        "v": rng.normal(size=hidden),
        "c": np.zeros(()),
    }


def ours(problem: Problem, method: str) -> tuple[list[np.ndarray], float]:
    """Return the parameters at each step, and the seconds of the command."""
    values = [f"{name}={json.dumps(x.tolist())}" for name, x in start(problem.hidden).items()]
    words = ["--data", str(DATA / problem.data), "--method", method, "--rate", str(RATES[method])]
    command = [sys.executable, "-m", "backprop_cli", "minimize", problem.program, *values, *words]
    begun = time.perf_counter()
    done = subprocess.run(
        [*command, "--steps", str(STEPS), "--format", "json"], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - begun
    steps = json.loads(done.stdout)["steps"]
    return [flat(step["point"], problem.hidden) for step in steps], seconds


def flat(point: dict[str, float], hidden: int) -> np.ndarray:
    """Return the parameters of a step in one order."""
    names = [f"W[{i},{j}]" for i in range(hidden) for j in range(2)]
    names += [f"{name}[{i}]" for name in "bv" for i in range(hidden)]
    return np.array([point[name] for name in (*names, "c")])


def theirs(problem: Problem, method: str) -> tuple[list[np.ndarray], float] | None:
    """Return the same of JAX, None where it is not installed."""
    try:
        import jax
    except ModuleNotFoundError:
        return None
    jax.config.update("jax_enable_x64", True)
    from jax import numpy as m

    with (DATA / problem.data).open(encoding="utf-8") as file:
        rows = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])

    def cost(at: dict[str, Any]) -> Any:
        z = m.tanh(rows[:, :2] @ at["W"].T + at["b"]) @ at["v"] + at["c"]
        if problem.is_label:
            return m.mean(jax.nn.softplus(z) - rows[:, 2] * z)
        return m.mean((jax.nn.sigmoid(z) - rows[:, 2]) ** 2)

    begun = time.perf_counter()
    slopes_at = jax.jit(jax.grad(cost))
    at: dict[str, Any] = start(problem.hidden)
    first, second = ({name: np.zeros_like(x) for name, x in at.items()} for _ in range(2))
    found = []
    for step in range(STEPS + 1):
        found.append(np.concatenate([np.ravel(at[name]) for name in ("W", "b", "v", "c")]))
        for name, slope in slopes_at(at).items():
            if method == "gd":
                move = np.asarray(slope)
            elif method == "momentum":
                move = first[name] = 0.9 * first[name] + np.asarray(slope)
            else:
                first[name] = 0.9 * first[name] + 0.1 * np.asarray(slope)
                second[name] = 0.999 * second[name] + 0.001 * np.asarray(slope) ** 2
                size = np.sqrt(second[name] / (1 - 0.999 ** (step + 1))) + 1e-8
                move = first[name] / (1 - 0.9 ** (step + 1)) / size
            at = {**at, name: at[name] - RATES[method] * move}
    return found, time.perf_counter() - begun


def main() -> None:
    """Print a line for each problem and method."""
    for name, problem in PROBLEMS.items():
        for method in RATES:
            mine, seconds = ours(problem, method)
            peer = theirs(problem, method)
            if peer is None:
                print(f"{name}, {method}: {seconds:.2f} s; JAX is not installed")
                continue
            apart = max(
                float(np.max(np.abs(x - y)) / np.max(np.abs(y))) for x, y in zip(mine, peer[0], strict=True)
            )
            print(
                f"{name}, {method}: {apart:.1e} apart at most, {seconds:.2f} s here, {peer[1]:.2f} s in JAX"
            )


if __name__ == "__main__":
    main()
