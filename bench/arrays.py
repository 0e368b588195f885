"""A network of 784-32-10: one gradient here and in JAX, autograd and micrograd's MLP.

``python bench/arrays.py`` prints for each that is installed the seconds of CPU of one value with 25,450
gradients, the first call (which compiles in JAX) and the median of later ones, and how far its gradients are
from ours, as a fraction of the largest. The cost is the cross-entropy; micrograd, which has no logarithm, has
the sum of squares, and we have it beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np

from backprop_cli import gradient

NETWORK = "h = relu(W1@x + b1); z = W2@h + b2; "
ENTROPY, SQUARES = NETWORK + "C = cross_entropy(z, 3)", NETWORK + "C = sum(z^2)"
Gradients = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
NAMES = ("W1", "b1", "W2", "b2")


def point() -> dict[str, np.ndarray]:
    """Return weights of a usual size."""
    rng = np.random.default_rng(0)
    return {
        "W1": rng.normal(size=(32, 784)) * 0.05,
        "b1": rng.normal(size=32) * 0.1,
        "W2": rng.normal(size=(10, 32)) * 0.3,
        "b2": rng.normal(size=10) * 0.1,
        "x": rng.uniform(size=784),
    }


def ours(program: str) -> Gradients:
    """Return what computes our gradients."""

    def gradients(at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        report = gradient(program, at, wrt=NAMES, check=False)
        return {name: np.array(report.arrays[name].gradient) for name in NAMES}

    return gradients


def micrograd(at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the gradients of the sum of squares as micrograd's MLP has them, the network built anew."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    mlp = MLP(784, [32, 10])
    for layer, weights, biases in zip(mlp.layers, (at["W1"], at["W2"]), (at["b1"], at["b2"]), strict=True):
        for neuron, row, bias in zip(layer.neurons, weights.tolist(), biases.tolist(), strict=True):
            neuron.w, neuron.b = [Value(w) for w in row], Value(bias)
    sum(z * z for z in mlp(at["x"].tolist())).backward()
    found = {}
    for k, layer in enumerate(mlp.layers, 1):
        found[f"W{k}"] = np.array([[w.grad for w in neuron.w] for neuron in layer.neurons])
        found[f"b{k}"] = np.array([neuron.b.grad for neuron in layer.neurons])
    return found


def peer(module: str) -> Gradients | None:
    """Return what computes the same with JAX or autograd, None where it is not installed."""
    try:
        if module == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
            from jax import numpy as m

            grad: Any = lambda f: jax.jit(jax.grad(f))  # noqa: E731
        else:
            import autograd.numpy as m
            from autograd import grad
    except ModuleNotFoundError:
        return None

    def loss(weights: dict[str, Any], x: Any) -> Any:
        h = m.maximum(m.dot(weights["W1"], x) + weights["b1"], 0)
        z = m.dot(weights["W2"], h) + weights["b2"]
        return m.log(m.sum(m.exp(z - z[3])))

    compute = grad(loss)

    def gradients(at: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = compute({name: at[name] for name in NAMES}, at["x"])
        return {name: np.asarray(found[name]) for name in NAMES}

    return gradients


def main() -> None:
    """Print the tables."""
    squares = micrograd if find_spec("micrograd") else None
    compare(ENTROPY, {"JAX": peer("jax"), "autograd": peer("autograd")})
    compare(SQUARES, {"micrograd": squares})


def compare(program: str, peers: dict[str, Gradients | None]) -> None:
    """Print the table of one program."""
    at = point()
    wanted = ours(program)(at)
    print(f"\n{program}\n{'':10} {'first':>8} {'later':>8}  difference")
    for name, compute in {"backprop": ours(program), **peers}.items():
        if compute is None:
            print(f"{name:10} not installed")
            continue
        seconds = []
        for _ in range(8):
            began = time.process_time()
            found = compute(at)
            seconds.append(time.process_time() - began)
        off = max(float(np.abs(found[n] - wanted[n]).max() / np.abs(wanted[n]).max()) for n in NAMES)
        print(f"{name:10} {seconds[0]:8.3f} {median(seconds[1:]):8.4f}  {off:.1e}")


if __name__ == "__main__":
    main()
