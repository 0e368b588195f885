"""The six formulas that are computed at every row, and the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Lines = Sequence[Array]
"""The value and the gradients of all rows: an array with a line for each of them, or a list of arrays."""

Kernel = Callable[[Sequence[Array], Array], Lines]
"""Columns, and lines to write to -> these lines, or lines of its own."""

Bind = Callable[[Sequence[Array], Array], Callable[[], Lines]]
"""Columns and lines to write to -> the call to be timed; what prepares the columns is not."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A program and its inputs, which are columns or the same at every row."""

    name: str
    program: str
    inputs: tuple[str, ...]
    """In the order in which the program names them: that of the gradients."""
    columns: Mapping[str, tuple[float, float]]
    """Input -> the interval that its numbers are drawn from."""
    constants: Mapping[str, float] = field(default_factory=dict)

    def data(self, rows: int) -> list[Array]:
        """Return the columns, the same ones at every call."""
        random = np.random.default_rng(5)
        return [random.uniform(low, high, rows) for low, high in self.columns.values()]

    def arguments(self, columns: Iterable[Any]) -> list[Any]:
        """Return a column or a constant for each of the inputs, in their order."""
        given = {**dict(zip(self.columns, columns, strict=True)), **self.constants}
        return [given[name] for name in self.inputs]

    def function(self, names: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the program as a Python function of its inputs; names has tanh, log and sqrt."""
        *statements, last = self.program.replace("^", "**").split("; ")
        lines = [f"def function({', '.join(self.inputs)}):", *statements, f"return {last}"]
        scope = dict(names)
        exec("\n    ".join(lines), scope)
        return scope["function"]


PRODUCT = Formula(
    "product",
    "(a*b + c)*f",
    ("a", "b", "c", "f"),
    dict.fromkeys(("a", "b", "c", "f"), (-2, 2)),
)
NEURON = Formula(
    "neuron",
    "tanh(w1*x1 + w2*x2 + b)",
    ("w1", "x1", "w2", "x2", "b"),
    dict.fromkeys(("w1", "x1", "w2", "x2", "b"), (-1, 1)),
)
ROSENBROCK = Formula(
    "Rosenbrock",
    "(1 - x)^2 + 100*(y - x^2)^2",
    ("x", "y"),
    dict.fromkeys(("x", "y"), (-2, 2)),
)
LIKELIHOOD = Formula(
    "likelihood",
    "-log(s) - (x - mu)^2/(2*s^2)",
    ("s", "x", "mu"),
    {"s": (0.5, 2), "x": (-3, 3), "mu": (-1, 1)},
)
QUOTIENT = Formula(
    "quotient",
    "sqrt(x^2 + y^2)/(1 + x/z)",
    ("x", "y", "z"),
    dict.fromkeys(("x", "y", "z"), (0.5, 2)),
)

UNITS = range(1, 5)
UNIT = "h{j} = tanh(w{j}1*x1 + w{j}2*x2 + b{j}); "
PARAMETERS = [name for j in UNITS for name in (f"w{j}1", f"w{j}2", f"b{j}")] + ["v1", "v2", "v3", "v4", "b0"]
NETWORK = Formula(
    "network",
    "".join(UNIT.format(j=j) for j in UNITS) + "y = v1*h1 + v2*h2 + v3*h3 + v4*h4 + b0; (y - t)^2",
    ("w11", "x1", "w12", "x2", *PARAMETERS[2:], "t"),
    {"x1": (-2, 2), "x2": (-2, 2), "t": (-1, 1)},
    # Any numbers do, as long as no unit is saturated.
    {name: round(0.9 - 0.11 * k, 2) for k, name in enumerate(PARAMETERS)},
)

FORMULAS = (PRODUCT, NEURON, ROSENBROCK, LIKELIHOOD, QUOTIENT, NETWORK)
