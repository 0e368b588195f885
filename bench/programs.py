"""Texts of big programs, of one shape each, and the points they are evaluated at.

Every statement is on a line of its own and has at most some thirty operations, so Python's own parser takes
the same text: one sum of ten thousand terms is too much for it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

FAN_IN = 15


class Sample(NamedTuple):
    """A program text and the value of each of its inputs."""

    text: str
    point: dict[str, float]

    @property
    def output(self) -> str:
        """The name that the last statement assigns."""
        return self.text.rpartition("\n")[2].partition(" ")[0]

    def with_point(self) -> str:
        """Return the text of a file that carries its own point."""
        return "".join(f"{name} = {value!r}\n" for name, value in self.point.items()) + self.text


def chain(operations: int) -> Sample:
    """Return a chain: every operation works on the result of the one before, and on one of two inputs."""
    lines = [f"x{k + 1} = x{k}*a + b" for k in range(operations // 2)]
    return Sample("\n".join(lines), {"x0": 3.0, "a": 0.999, "b": 0.002})


def dot_product(operations: int) -> Sample:
    """Return a dot product, whose inputs are as many as its operations."""
    terms = operations // 2
    lines = [f"s = s + x{k}*y{k}" for k in range(terms)]
    random = Random(1)
    names = [f"{vector}{k}" for k in range(terms) for vector in "xy"]
    return Sample("\n".join(lines), {"s": 0.0} | {name: random.uniform(-1, 1) for name in names})


def perceptron(operations: int) -> Sample:
    """Return a perceptron of scalars: layers of relu(w·x + b), their sum at the end.

    A neuron reads FAN_IN neurons of the layer before, and every weight is an input.
    """
    random = Random(2)
    neurons = max(operations // (2 * FAN_IN + 1) - 1, 1)
    width = max(round(neurons**0.5), 1)
    point = {f"h0_{i}": random.uniform(0, 1) for i in range(width)}
    lines = []
    for k in range(neurons):
        layer, i = divmod(k, width)
        terms = [f"w{k}_{j}*h{layer}_{(i + j) % width}" for j in range(FAN_IN)]
        lines.append(f"h{layer + 1}_{i} = relu({' + '.join(terms)} + b{k})")
        point |= {f"w{k}_{j}": random.uniform(-0.4, 0.4) for j in range(FAN_IN)}
        point[f"b{k}"] = random.uniform(0, 0.1)
    last = [f"h{k // width + 1}_{k % width}" for k in range(neurons)][-width:]
    lines += [f"loss = {last[0]}*{last[0]}"] + [f"loss = loss + {name}*{name}" for name in last[1:]]
    return Sample("\n".join(lines), point)


SHAPES: dict[str, Callable[[int], Sample]] = {
    "chain": chain,
    "dot product": dot_product,
    "perceptron": perceptron,
}
