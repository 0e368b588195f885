"""The laws of straight-line code hold as far as each of them says."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from backprop_cli.batch.engines.namespace import FUNCTIONS
from backprop_cli.compile.laws import LAWS, Holds, Law
from backprop_cli.compile.terms import Apply, Known, Letter
from backprop_cli.compile.tracer import Tracer, find_live

EDGES = [
    *(0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 3.0, 1 / 3, -1.2, 1e-160, 1e160, -1e300, 1e300, 1e-300),
    *(5e-324, -5e-324, 2.5e-308, math.inf, -math.inf, math.nan),
]
CONDITIONS = "pq"


def ratio(x, y):
    """A quotient by a zero of either sign is that by 0.0."""
    return np.divide(x, np.where(y == 0, 0.0, y))


def power(x, y):
    """NumPy's power has short cuts for a few exponents, which an array of them does not take."""
    return np.power(x, np.full_like(x, y))


OWN = {**FUNCTIONS, "ratio": ratio, "pow": power}


def letters(term):
    if isinstance(term, Letter):
        return {term.name: term}
    if isinstance(term, Apply):
        return {name: letter for arg in term.args for name, letter in letters(arg).items()}
    return {}


def evaluate(term, point, zeros=None):
    """Return what a side comes to in every row, and whether all is finite and normal on the way."""
    if isinstance(term, Letter):
        x = point[term.name]
    elif isinstance(term, Known):
        x = term.value
        if zeros is not None and x == 0 and not isinstance(x, bool):
            x = zeros
    else:
        sides = [evaluate(arg, point, zeros) for arg in term.args]
        x = OWN[term.name](*(x for x, _ in sides))
        return x, np.logical_and.reduce([is_ordinary(x), *np.broadcast_arrays(*(fine for _, fine in sides))])
    return x, is_ordinary(x)


def is_ordinary(x):
    x = np.asarray(x)
    return x == x if x.dtype == bool else (x == 0) | ((np.abs(x) > 1e-290) & np.isfinite(x))


def points_for(law, rng, rows=4000):
    found = letters(law.left)
    numbers = [*EDGES, *(rng.choice((-1, 1)) * 2.0 ** rng.randint(-40, 40) for _ in range(10))]
    point = {}
    for name, letter in found.items():
        if name in CONDITIONS:
            point[name] = np.array([rng.random() < 0.5 for _ in range(rows)])
        else:
            fitting = [x for x in numbers if letter.accepts is None or letter.accepts(x)]
            drawn = [rng.choice([rng.choice(fitting), rng.gauss(0, 3)]) for _ in range(rows)]
            point[name] = np.array([x if letter.accepts is None or letter.accepts(x) else 2.0 for x in drawn])
    return point


def ulps_apart(x, y):
    return np.where(x == y, 0.0, np.abs(x - y) / np.spacing(np.maximum(np.abs(x), np.abs(y))))


def is_broken(law):
    """Tell whether both sides of a law differ at some point where it says they don't."""
    rng = random.Random(0)
    point = points_for(law, rng)
    zeros = np.random.default_rng(0).choice([0.0, -0.0], 4000)
    with np.errstate(all="ignore"):
        left, left_fine = evaluate(law.left, point, zeros)
        right, right_fine = evaluate(law.right, point)
        left, right, is_fine = np.broadcast_arrays(left, right, left_fine & right_fine)
        if left.dtype == bool:
            return bool((left != right).any())
        both_nan = np.isnan(left) & np.isnan(right)
        bad = ~both_nan & ~(ulps_apart(left, right) <= law.ulps)
    if law.holds == Holds.BITS:
        bad |= ~both_nan & (np.signbit(left) != np.signbit(right))
    assert is_fine.sum() > 300
    return bool((bad & (is_fine | (law.holds < Holds.RANGE))).any())


EACH_LAW = pytest.mark.parametrize(
    "law", LAWS, ids=[f"{i:02d} {law.left.name}" for i, law in enumerate(LAWS)]
)


@EACH_LAW
def test_a_law_holds_as_far_as_it_says_and_no_further(law: Law) -> None:
    assert not is_broken(law)
    if law.holds > Holds.BITS and not (law.holds == Holds.VALUES and law.ulps):
        assert is_broken(law._replace(holds=Holds(law.holds - 1)))


@EACH_LAW
def test_a_law_is_used(law: Law) -> None:
    tracer = Tracer()
    found = {
        name: tracer.emit("column", name)
        if letter.accepts is None
        else {"c": 3.0, "d": 5.0, "e": 7.0, "k": 4.0}[name]
        for name, letter in letters(law.left).items()
    }
    if law.when is not None and "y" in found:
        tracer.emit("div", 1.0, found["y"])  # the reciprocal that is there
    args = [_emitted(term, tracer, found) for term in law.left.args]
    got = tracer.apply(law.left.name, *args)
    assert not tracer.has(law.left.name, *args)
    assert got == law.right.build(tracer, found)


def _emitted(term, tracer, found):
    """Return a term as it stands."""
    if isinstance(term, Apply):
        return tracer.emit(term.name, *(_emitted(arg, tracer, found) for arg in term.args))
    return term.value if isinstance(term, Known) else found[term.name]


def test_what_is_to_be_exact_takes_exact_laws_only() -> None:
    tracer = Tracer(Holds.BITS)
    x = tracer.emit("column", "x")
    assert tracer.has("add", x + 0.0, 0.0) is False
    assert (x + 0.0).name == "add"
    assert tracer.pow(x, 2.0).name == "pow"
    assert x * 1.0 is x


def test_a_decision_is_settled_in_its_branches() -> None:
    tracer = Tracer()
    x = tracer.emit("column", "x")
    positive = tracer.gt(x, 0.0)
    careful = tracer.log(tracer.where(positive, x, 1.0))
    chosen = tracer.where(positive, careful, 0.0)
    assert [step.name for step in find_live([chosen])] == ["column", "gt", "log", "where"]


def test_a_zero_of_the_other_sign_is_another_number() -> None:
    tracer = Tracer()
    p = tracer.emit("column", "p")
    assert tracer.where(p, 0.0, -0.0).name == "where"
    assert tracer.where(p, math.nan, math.nan) != tracer.where(p, 1.0, 2.0)
