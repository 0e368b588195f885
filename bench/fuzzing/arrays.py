"""Random programs of arrays, computed by NumPy while they are made.

Nothing here is the package's: what it expands into single numbers, shapes, parts, axes and products, NumPy
has by itself, with the slope along one random direction beside every number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_SHAPES = ((), (2,), (3,), (2, 3), (3, 2), (3, 3), (2, 2), (1, 3), (4,))
_LARGEST, _NO_CORNER = 1e4, 1e-6


class Dual(NamedTuple):
    """An array and its slope along the direction in which all inputs move."""

    value: Any
    slope: Any


class ArrayProgram(NamedTuple):
    """text, point: what is run.  direction: of the inputs.  steps: name -> what it is at the end."""

    text: str
    point: dict[str, Any]
    direction: dict[str, Any]
    steps: dict[str, Dual]
    output: Dual


Term = tuple[str, Dual]
"""An expression and what it is."""


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# name -> value and derivative
_FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sin": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "sigmoid": (_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "relu": (lambda x: np.maximum(x, 0), lambda x: np.where(x > 0, 1.0, 0.0)),
    "abs": (np.abs, np.sign),
    "softplus": (lambda x: np.log1p(np.exp(x)), _sigmoid),
    "square": (np.square, lambda x: 2 * x),
}


def _softmax(x: Any, axis: int) -> Any:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


class _Maker:
    """Makes one random program, a statement at a time."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.known: dict[str, Dual] = {}

    def make(self) -> ArrayProgram | None:
        rng = self.rng
        point = {name: self._numbers(rng.choice(_SHAPES)) for name in "xyzAB"[: rng.randint(1, 5)]}
        direction = {name: self._numbers(np.shape(x)) for name, x in point.items()}
        self.known = {name: Dual(x, direction[name]) for name, x in point.items()}
        made = {}
        for _ in range(rng.randint(1, 6)):
            term = self._grown(rng.randint(1, 3))
            if term is not None:
                # A name may come again: later uses have the new value.
                name = rng.choice((f"h{len(made)}", f"h{len(made)}", *made, *point))
                self.lines.append(f"{name} = {term[0]}")
                self.known[name] = made[name] = term[1]
        used = rng.sample(list(self.known), min(len(self.known), rng.randint(1, 3)))
        sums = [self._reduced(name, self.known[name], whole=True) for name in used]
        text = " + ".join(text for text, _ in sums)
        output = Dual(sum(x.value for _, x in sums), sum(x.slope for _, x in sums))
        self.lines.append(f"L = {text}")
        if not np.isfinite(output.value) or abs(output.value) > _LARGEST:
            return None
        text = "; ".join(self.lines)
        return ArrayProgram(text, point, direction, made, output)

    def _numbers(self, shape: tuple[int, ...]) -> Any:
        size = int(np.prod(shape, dtype=int))
        return np.array([round(self.rng.uniform(-2, 2), 3) for _ in range(size)]).reshape(shape)

    def _grown(self, depth: int) -> Term | None:
        """Return an expression of some operations; None where one does not fit or leaves what is compared."""
        term = self._leaf()
        growing = (self._applied, self._joined, self._joined, self._product, self._part, self._reduced_part)
        for _ in range(depth):
            grow = self.rng.choice(growing)
            try:
                grown = grow(term)
            except (ValueError, IndexError):  # the shapes do not fit
                continue
            if np.all(np.isfinite(grown[1].value)) and np.max(np.abs(grown[1].value)) < _LARGEST:
                term = grown
        return term if "(" in term[0] or "[" in term[0] or "." in term[0] else None

    def _leaf(self) -> Term:
        name = self.rng.choice(list(self.known))
        return name, self.known[name]

    # ---- operations ----

    def _applied(self, term: Term) -> Term:
        text, x = term
        kind = self.rng.random()
        if kind < 0.2 and np.ndim(x.value):
            axis = self.rng.choice(range(-np.ndim(x.value), np.ndim(x.value)))
            y = _softmax(x.value, axis)
            slope = y * (x.slope - np.sum(y * x.slope, axis=axis, keepdims=True))
            if self.rng.random() < 0.5:
                return f"softmax({text}, axis={axis})", Dual(y, slope)
            return f"log_softmax({text}, axis={axis})", Dual(np.log(y), slope / y)
        name = self.rng.choice(list(_FUNCTIONS))
        value, derivative = _FUNCTIONS[name]
        return f"{name}({text})", Dual(value(x.value), derivative(x.value) * x.slope)

    def _joined(self, term: Term) -> Term:
        (left, x), (right, y) = self._ordered(term, self._leaf())
        kind = self.rng.choice(("+", "-", "*", "/", "maximum", "minimum", "where", "list"))
        if kind == "+":
            return f"({left} + {right})", Dual(x.value + y.value, x.slope + y.slope)
        if kind == "-":
            return f"({left} - {right})", Dual(x.value - y.value, x.slope - y.slope)
        if kind == "*":
            return f"({left} * {right})", Dual(x.value * y.value, x.slope * y.value + x.value * y.slope)
        if kind == "/":
            below = 1 + y.value**2
            slope = x.slope / below - x.value * 2 * y.value * y.slope / below**2
            return f"({left} / (1 + {right}^2))", Dual(x.value / below, slope)
        if kind == "list":
            if np.shape(x.value) != np.shape(y.value):
                raise ValueError("the rows of a list have one shape")
            return f"[{left}, {right}]", Dual(np.stack([x.value, y.value]), np.stack([x.slope, y.slope]))
        if kind == "where":
            value = np.where(x.value > y.value, x.value, 0.5 * y.value)
            slope = np.where(x.value > y.value, x.slope, 0.5 * y.slope)
            return f"where({left} > {right}, {left}, 0.5*{right})", Dual(value, slope)
        is_first = x.value > y.value if kind == "maximum" else x.value < y.value
        both = Dual(np.where(is_first, x.value, y.value), np.where(is_first, x.slope, y.slope))
        return f"{kind[:3]}({left}, {right})", both

    def _product(self, term: Term) -> Term:
        (left, x), (right, y) = self._ordered(term, self._leaf())
        if np.ndim(x.value) == np.ndim(y.value) == 1 and self.rng.random() < 0.4:
            slope = np.outer(x.slope, y.value) + np.outer(x.value, y.slope)
            return f"outer({left}, {right})", Dual(np.outer(x.value, y.value), slope)
        if not (np.ndim(x.value) and np.ndim(y.value)):
            raise ValueError("a product takes no single number")
        if max(np.ndim(x.value), np.ndim(y.value)) > 2:
            raise ValueError("nor stacks of matrices")
        text = f"({left} @ {right})" if self.rng.random() < 0.7 else f"dot({left}, {right})"
        return text, Dual(x.value @ y.value, x.slope @ y.value + x.value @ y.slope)

    def _ordered(self, term: Term, other: Term) -> tuple[Term, Term]:
        return (term, other) if self.rng.random() < 0.5 else (other, term)

    def _part(self, term: Term) -> Term:
        text, x = term
        rng, count = self.rng, np.ndim(x.value)
        if not count:
            raise ValueError("a number has no parts")
        if count == 2 and rng.random() < 0.3:
            return f"({text}).T", Dual(x.value.T, x.slope.T)
        places = [self._place(size) for size in np.shape(x.value)[: rng.randint(1, count)]]
        if rng.random() < 0.15:
            places.insert(0, ("None", None))
        if rng.random() < 0.15:
            places = [("...", Ellipsis), self._place(np.shape(x.value)[-1])]
        index = tuple(place for _, place in places)
        return f"({text})[{', '.join(word for word, _ in places)}]", Dual(x.value[index], x.slope[index])

    def _place(self, size: int) -> tuple[str, Any]:
        number = self.rng.randint(-size, size - 1)
        places = (
            (str(number), number),
            (":", slice(None)),
            ("::-1", slice(None, None, -1)),
            ("1:", slice(1, None)),
            (":-1", slice(None, -1)),
            ("::2", slice(None, None, 2)),
        )
        text, place = self.rng.choice(places)
        if isinstance(place, slice) and not len(range(size)[place]):
            raise ValueError("there are no empty arrays")
        return text, place

    def _reduced_part(self, term: Term) -> Term:
        return self._reduced(*term, whole=False)

    def _reduced(self, text: str, x: Dual, *, whole: bool) -> Term:
        """Return a sum, mean and so on, of all elements or along an axis."""
        if not np.ndim(x.value):
            return text, x
        kind = self.rng.choice(("sum", "mean", "prod", "max", "min", "norm", "logsumexp", "var", "std"))
        count = np.ndim(x.value)
        axis = None if whole or self.rng.random() < 0.3 else self.rng.randrange(-count, count)
        keep = not whole and self.rng.random() < 0.2
        options = (f", axis={axis}" if axis is not None else "") + (", keepdims=True" if keep else "")
        along = {"axis": axis, "keepdims": keep}
        wide = {"axis": axis, "keepdims": True}
        value, slope = x
        y = _REDUCED[kind](value, slope, along, wide)
        if kind in ("norm", "std") and np.min(y.value) < _NO_CORNER:
            raise ValueError("a norm of rounding alone has no slope")
        return f"{kind}({text}{options})", y


# ---- reductions; along: as asked for, wide: with the axis kept ----

_Axes = dict[str, Any]


def _sum(x: Any, dx: Any, along: _Axes, _wide: _Axes) -> Dual:
    return Dual(np.sum(x, **along), np.sum(dx, **along))


def _mean(x: Any, dx: Any, along: _Axes, _wide: _Axes) -> Dual:
    return Dual(np.mean(x, **along), np.mean(dx, **along))


def _prod(x: Any, dx: Any, along: _Axes, _wide: _Axes) -> Dual:
    product = np.prod(x, **along)
    return Dual(product, product * np.sum(dx / x, **along))


def _best(reduce: Callable[..., Any]) -> Callable[..., Dual]:
    def reduced(x: Any, dx: Any, along: _Axes, wide: _Axes) -> Dual:
        is_best = x == reduce(x, **wide)
        share = is_best / np.sum(is_best, **wide)
        return Dual(reduce(x, **along), np.sum(share * dx, **along))

    return reduced


def _norm(x: Any, dx: Any, along: _Axes, _wide: _Axes) -> Dual:
    size = np.sqrt(np.sum(x**2, **along))
    return Dual(size, np.sum(x * dx, **along) / size)


def _logsumexp(x: Any, dx: Any, along: _Axes, _wide: _Axes) -> Dual:
    total = np.sum(np.exp(x), **along)
    return Dual(np.log(total), np.sum(np.exp(x) * dx, **along) / total)


def _var(x: Any, dx: Any, along: _Axes, wide: _Axes) -> Dual:
    return Dual(np.var(x, **along), 2 * np.mean((x - np.mean(x, **wide)) * dx, **along))


def _std(x: Any, dx: Any, along: _Axes, wide: _Axes) -> Dual:
    spread, moved = _var(x, dx, along, wide)
    return Dual(np.sqrt(spread), moved / (2 * np.sqrt(spread)))


_REDUCED = {
    "sum": _sum,
    "mean": _mean,
    "prod": _prod,
    "max": _best(np.max),
    "min": _best(np.min),
    "norm": _norm,
    "logsumexp": _logsumexp,
    "var": _var,
    "std": _std,
}


def array_program(seed: str) -> ArrayProgram | None:
    """Return the random program of a seed; None where it comes to numbers that are not compared."""
    with np.errstate(all="ignore"):
        try:
            program = _Maker(random.Random(seed)).make()
        except ValueError:
            return None
    if program is None or not np.isfinite(program.output.slope):
        return None
    return program
