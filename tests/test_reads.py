"""An operation that reads only some of its operands: the row says which, and nothing else knows ``where``."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from backprop_cli import DomainError, InputError, gradient
from backprop_cli.batch.engines import careful
from backprop_cli.batch.engines.engine import KernelEngine
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import STATUSES
from backprop_cli.language.source import read_source
from backprop_cli.operations.domains import always
from backprop_cli.operations.op import Domain, Namespace, Number, Op, Partial, each
from backprop_cli.operations.rules import zero_partial
from backprop_cli.operations.table import FUNCTIONS


def choice(name: str, *args: str) -> Op:
    """Return an operation that is b where x > 0, else a: it decides by a number, in any place.

    args: x, a and b in the order of its operands.
    """
    x, a, b = map(args.index, "xab")

    def taken(m: Namespace, xs: Sequence[Number]) -> tuple[Number, ...]:
        above = m.gt(xs[x], m.zero)
        marks = {x: True, a: m.where(above, False, True), b: above}
        return tuple(marks[place] for place in range(3))

    def slope(place: int) -> Partial:
        if place == x:
            return zero_partial
        return lambda m, _y, *xs: m.where(taken(m, xs)[place], m.one, m.zero)

    return Op(
        name=name,
        args=args,
        value=lambda m, *xs: m.where(m.gt(xs[x], m.zero), xs[b], xs[a]),
        partials=each(*map(slope, range(3))),
        symbolic=lambda s, *xs: s.Piecewise((xs[b], xs[x] > 0), (xs[a], True)),
        reads=taken,
        derivatives=("0", "0", "0"),
        domain=Domain("any operands", always, ((1.0, 2.0, 3.0),)),
        backward="the operand that was taken gets the whole gradient",
        latex="#1 #2 #3",
        exact=True,
        piecewise=True,
        cuts="always",
    )


PROGRAMS = ["gate(x, 2*a, log(b)) + 0*a", "late(2*a, log(b), x) + 0*a"]
# Point, and what comes of it: value and gradient with respect to x, a, b; None where there is no value.
POINTS = [
    ((-1.0, 3.0, -1.0), (6.0, 0.0, 2.0, 0.0)),  # log(b) has no value, and is not read
    ((1.0, 3.0, 2.0), (math.log(2.0), 0.0, 0.0, 0.5)),
    ((1.0, 3.0, -1.0), None),
    ((0.0, 3.0, 0.0), (6.0, 0.0, 2.0, 0.0)),
]


@pytest.fixture(autouse=True)
def _more_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    for op in (choice("gate", "x", "a", "b"), choice("late", "a", "b", "x")):
        monkeypatch.setitem(FUNCTIONS, op.name, op)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(("point", "expected"), POINTS)
def test_a_single_point(program: str, point: tuple[float, ...], expected: tuple[float, ...] | None) -> None:
    named = dict(zip("xab", point, strict=True))
    if expected is None:
        with pytest.raises(DomainError, match="log needs an operand > 0, got b = -1"):
            gradient(program, named, check=False)
        return
    report = gradient(program, named, check=False)
    assert (report.value, *(report.gradients[name] for name in "xab")) == expected


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_decided_by_a_value_that_is_missing_is_missing(program: str) -> None:
    with pytest.raises(DomainError, match="log needs an operand > 0, got c = -1"):
        gradient(program.replace("x", "log(c)"), a=1, b=1, c=-1, check=False)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("worth_compiling", [None, 0], ids=["numpy", "jit"])
def test_rows(program: str, worth_compiling: int | None) -> None:
    batch = Batch(read_source(program), ["x", "a", "b"], 1.0)
    columns = {
        name: np.array(column)
        for name, column in zip("xab", zip(*(p for p, _ in POINTS), strict=True), strict=True)
    }
    results = KernelEngine(batch, {}, worth_compiling=worth_compiling).compute(columns, len(POINTS))
    for row, (_, expected) in enumerate(POINTS):
        got = [float(numbers[row]) for numbers in results.numbers()]
        assert STATUSES[results.status[row]] == ("undefined" if expected is None else "ok")
        assert got == pytest.approx(expected or [math.nan] * 4, nan_ok=True)


@pytest.mark.parametrize("program", PROGRAMS)
def test_careful_sweeps(program: str) -> None:
    batch = Batch(read_source(program), ["x", "a", "b"], 1.0)
    columns = {
        name: np.array(column)
        for name, column in zip("xab", zip(*(p for p, _ in POINTS), strict=True), strict=True)
    }
    found = careful.examine(batch.graph, columns, len(POINTS), ["x", "a", "b"], 1.0, ())
    assert found.undefined.tolist() == [expected is None for _, expected in POINTS]
    assert not found.unsettled.any()


@pytest.mark.parametrize("text", ["gate(-1, 2, log(-1))", "late(2, log(-1), -1)"])
def test_a_constant(text: str) -> None:
    assert gradient(f"a = {text}; a*b", b=1, check=False).inputs["a"] == 2.0
    with pytest.raises(InputError, match=r"log\(-2\) has no finite value"):
        gradient(f"a = {text.replace('2', 'log(-2)')}; a*b", b=1, check=False)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_failure_that_is_not_read_is_not_blamed(program: str) -> None:
    batch = Batch(read_source(f"{program} + exp(300*a)"), ["x", "a", "b"], 1.0)
    columns = {"x": np.array([-1.0, 1.0]), "a": np.array([3.0, 3.0]), "b": np.array([-1.0, -1.0])}
    found = careful.examine(batch.graph, columns, 2, ["x"], 1.0, ())
    assert (found.undefined.tolist(), found.overflowed.tolist()) == ([False, True], [True, False])
