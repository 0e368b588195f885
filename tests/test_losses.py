"""Where digits were lost, and how: every reason that is told holds at the node that is blamed."""

from __future__ import annotations

import math
import random
import sys
from typing import Any

import pytest

from backprop_cli import gradient
from backprop_cli.errors import BackpropError
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import Sweep, sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.report import Loss, LossKind, Place

MANY = mpmath_namespace(800)
mp = MANY.mp
Point = dict[str, float]


def told(program: str, point: Point) -> list[str]:
    """Return the reasons that are told of lost digits of gradients."""
    parts = [w.message.partition("; ") for w in gradient(program, point).warnings if w.kind == "digits"]
    return [reason for what, _, reason in parts if "of the gradient" in what and "lost" in reason]


LOGISTIC = ";".join(["x = 4*x*(1 - x)"] * 30)


@pytest.mark.parametrize(
    ("program", "point", "reason"),
    [
        ("exp(log(x)*2)", {"x": 1e-200}, "lost at v3: exp(log(x)*2) underflows to 0"),
        ("x*1e200*1e-160*1e-162", {"x": 3},
         ("lost at v1: the gradient with respect to x*1e200 underflows to 9.88131e-323, where doubles "
          "have fewer digits")),
        ("y*1e200*(1e-160*x*1e-160)", {"x": 3, "y": 1},
         "lost at v3: 1e-160*x*1e-160 underflows to 2.99997e-320, where doubles have fewer digits"),
        ("(1 + 1/n)^n", {"n": 1e15},
         "lost at v3: (1 + 1/n)^n amplifies the rounding error of 1 + 1/n 1.1e15 times"),
        ("sin(x*1e10)", {"x": 1.3},
         ("lost at v2: the local derivative of sin(x*1e10) by x*1e10 amplifies the rounding error "
          "of x*1e10 3.6e10 times")),
        ("log(1 + x)/x", {"x": 1e-10},
         "lost at v2: log(1 + x) amplifies the rounding error of 1 + x 1e10 times"),
        ("exp(x*x)", {"x": 26.3}, ""),
        ("(1 - cos(x))/x^2", {"x": 1e-9},
         "lost at v2: 1 - cos(x) is a difference of nearly equal numbers, 2e18 times as large as it is"),
        ("x*(1 - cos(1e-7))", {"x": 1},
         "lost: 1 - cos(1e-7) is a difference of nearly equal numbers, 2e14 times as large as it is"),
        ("(-b + sqrt(b^2 - 4*a*c))/a", {"a": 1, "b": 1e9, "c": 1},
         "lost at v7: -b + sqrt(b^2 - 4*a*c) is a sum of nearly opposite numbers, 5e17 times as large"),
        ("log((x + 1e16) - 1e16)", {"x": 1.2345},
         "lost at v1: x + 1e16 rounds off digits of x, beside a term 8.1e15 times as large"),
        ("1/(1 - (1 - p))", {"p": 1e-12},
         "lost at v1: 1 - p rounds off digits of p, beside a term 1e12 times as large"),
        ("sin(a*x) + cos(a*x)", {"a": 1, "x": 0.7853981},
         ("lost at v1: the contributions to the gradient with respect to a*x cancel, the "
          "largest being 7.9e6 times their sum")),
        ("(x - x + y)*x", {"x": 1e9, "y": 1.5707963}, ("lost at x: the contributions to the "
                                                "gradient with respect to x "
         "cancel, the largest being 6.4e8 times their sum")),
        ("gelu(x)", {"x": -0.75179161},
         "lost at v1: the terms of the local derivative of gelu(x) by x cancel"),
        (LOGISTIC, {"x": 0.3},
         "lost on the way, the largest part at v52: 1 - x is a difference of nearly equal numbers, 320"),
    ],
    ids=lambda x: str(x)[:40],
)  # fmt: skip
def test_reasons(program: str, point: Point, reason: str) -> None:
    (found,) = told(program, point)[:1] or ("",)
    assert found.removeprefix("the digits were ").removeprefix("they were ").startswith(reason)
    assert bool(found) == bool(reason)


def test_gradients_that_lost_their_digits_elsewhere_are_told_apart() -> None:
    warnings = gradient("y*(1 - cos(x)) + exp(log(z)*2)", x=1e-7, y=1e7, z=1e-200).warnings
    assert [w.message.split(";")[0] for w in warnings] == [
        "only 3 digits of the value and of the gradient with respect to y are right",
        "no digit of the gradient with respect to z is right",
    ]


def test_of_many_poor_gradients_the_fewest_and_the_most_digits_are_told() -> None:
    (warning,) = gradient("(1 - cos(x))*(y + 1e9*z)", x=1e-6, y=1, z=-1e-9).warnings[1:2]  # behind the value
    assert warning.message.startswith("only 4 digits of the gradient with respect to y and z are right")


# ---- random programs ----

UNARY = (
    *(
        "exp({})",
        "log({})",
        "sqrt({})",
        "sin({})",
        "cos({})",
        "tan({})",
        "tanh({})",
        "sigmoid({})",
        "gelu({})",
    ),
    *("({})^2", "1/({})", "({})^y", "1e10*({})", "log(1 + {})", "1 - ({})", "exp(-({})^2)", "1 + ({})"),
)
BINARY = ("{} + {}", "({}) - ({})", "({})*({})", "({})/({})")
SIZES = (1e-200, 1e-160, 1e-20, 1e-9, 1e-7, 1e-3, 0.3, 0.7853981, 1.5707963, 3.0, 30.0, 1e5, 1e9, 1e160)


def random_program(chance: random.Random) -> str:
    text = chance.choice(("x", "y", "x", "x*y"))
    for _ in range(chance.randrange(2, 6)):
        if chance.random() < 0.7:
            text = chance.choice(UNARY).format(text)
        else:
            text = chance.choice(BINARY).format(text, chance.choice(("x", "y", "1", "1e16", text)))
    return text


def losses_met(seed: int, wanted: int) -> list[tuple[str, Point, Loss]]:
    chance = random.Random(seed)
    found: list[tuple[str, Point, Loss]] = []
    while len(found) < wanted:
        program = random_program(chance)
        point = {name: chance.choice(SIZES) for name in read_source(program).inputs}
        try:
            report = gradient(program, point)
        except BackpropError:  # no value there
            continue
        found += [(program, point, c.loss) for c in report.check.gradients.values() if c.loss]
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_holds_at_the_node_that_is_blamed(seed: int) -> None:
    for program, point, loss in losses_met(seed, 25):
        graph = lower_source(read_source(program))
        doubles, true = (sweep_graph(graph, point, 1.0, m) for m in (FLOAT, MANY))
        assert HOLDS[loss.kind](doubles, true, loss), (program, point, loss)


def test_what_overflows_on_the_way_lost_no_digits() -> None:
    """The slope by y of cos(x)/y is -infinity in doubles, and 0 times that no number."""
    assert told("exp(-sigmoid(cos(x)/y)^2)", {"x": 0.7853981, "y": 1e-160}) == []


def number(sweep: Sweep, loss: Loss) -> Any:
    if loss.place == Place.VALUE:
        return mp.mpf(sweep.primal[loss.node])
    if loss.place == Place.GRADIENT:
        return mp.mpf(sweep.adjoint[loss.node])
    slopes = sweep.partials[loss.node]
    assert slopes is not None
    return mp.mpf(slopes[sweep.graph.operands[loss.node].index(loss.operand or 0)])


def off(x: Any, true: Any) -> Any:
    return abs(x - true) / abs(true) if true else mp.inf


def about(x: Any, y: float | None) -> bool:
    """Tell whether a factor is right: infinite beyond the doubles."""
    return y is not None and (x > 1e307 if y == math.inf else y / 1.01 <= x <= y * 1.01)


def underflows(doubles: Sweep, true: Sweep, loss: Loss) -> bool:
    x, y = number(doubles, loss), number(true, loss)
    return loss.number == x and abs(x) < sys.float_info.min and off(x, y) > 1e-15


def cancels(_doubles: Sweep, true: Sweep, loss: Loss) -> bool:
    graph = true.graph
    if loss.place == Place.VALUE:
        op = graph.ops[loss.node]
        assert op is not None
        assert op.name in ("add", "sub")
        terms = [true.primal[x] for x in graph.operands[loss.node]]
    else:
        terms = [
            true.adjoint[user] * slope
            for user, slopes in enumerate(true.partials)
            for operand, slope in zip(graph.operands[user], slopes or (), strict=False)
            if operand == loss.node and slope is not None
        ]
    y = number(true, loss)
    ratio = max(map(abs, terms)) / abs(y) if y else mp.inf
    return ratio > 5 and about(ratio, loss.factor)


def absorbs(doubles: Sweep, true: Sweep, loss: Loss) -> bool:
    small, total = loss.source, number(doubles, loss)
    (large,) = {*true.graph.operands[loss.node]} - {small}
    assert small is not None
    kept = abs(total - number(true, loss)) / abs(true.primal[small])
    ratio = abs(true.primal[large] / true.primal[small])
    return bool(kept > 1e-12) and about(ratio, loss.factor) and ratio > 1e3


def amplifies(doubles: Sweep, true: Sweep, loss: Loss) -> bool:
    graph, node, source = true.graph, loss.node, loss.source
    op, operands = graph.ops[node], graph.operands[node]
    assert op is not None
    assert source is not None
    before = off(doubles.primal[source], true.primal[source])
    after = off(number(doubles, loss), number(true, loss))
    if not about(after / before, loss.factor) or after < 5 * before:
        return False
    moved = abs(doubles.primal[source] - true.primal[source])
    if before > 1e-3 or moved > 1e-3 or source == node:  # an error of many turns is no more than that of one
        return True
    # Nothing but this operand moved, by a part that is small beside it: as far as the condition number says.
    nudged = [true.primal[x] * (1 + mp.mpf("1e-500") * (x == source)) for x in operands]
    y = op.value(MANY, *nudged)
    if loss.place == Place.SLOPE:
        y = op.partial(MANY, operands.index(loss.operand or 0), y, nudged, graph.fixed(node))
    predicted = off(y, number(true, loss)) * mp.mpf("1e500") * before
    return bool(after / 4 <= predicted <= after * 4)


def decides(doubles: Sweep, true: Sweep, loss: Loss) -> bool:
    return bool(number(doubles, loss) != number(true, loss))


def cancels_within(_doubles: Sweep, true: Sweep, loss: Loss) -> bool:
    op = true.graph.ops[loss.node]
    assert op is not None
    return op.composite or bool(op.cancels)


HOLDS = {
    LossKind.UNDERFLOW: underflows,
    LossKind.CANCELLATION: cancels,
    LossKind.ABSORPTION: absorbs,
    LossKind.AMPLIFICATION: amplifies,
    LossKind.DECISION: decides,
    LossKind.INNER: cancels_within,
}


def test_every_kind_has_its_predicate() -> None:
    assert HOLDS.keys() == set(LossKind)
