"""Critical points that are proved, and the balls that prove them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from backprop_cli.calculus.proved import enclose, field_of
from backprop_cli.certain.critical import Proof, prove_critical
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source
from backprop_cli.operations.balls import BALLS, Ball, UndecidedError, ctx
from backprop_cli.operations.op import Op
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import OPS

flint = pytest.importorskip("flint")
REALS = mpmath_namespace(40)


def proved(program: str, **start: float) -> Proof | None:
    graph = lower_source(read_source(program))
    return prove_critical(field_of(graph, list(start), {}), list(start.values()))


# Points and kinds by hand; the least value of Γ from DLMF 5.4.20.
KNOWN = [
    ("(1-x)^2 + 100*(y-x^2)^2", {"x": 1.0, "y": 1.0}, ["1", "1"], (2, 0)),
    ("x^2 - y^2", {"x": 1e-9, "y": 0.0}, ["0", "0"], (1, 1)),
    ("-(x-0.5)^2 - y^2 + x*y", {"x": 0.6, "y": 0.3}, [None, None], (0, 2)),
    ("cos(x)*cosh(y)", {"x": 3.14, "y": 0.0}, ["3.14159265358979323846264338327950288", "0"], (1, 1)),
    ("x^2 + 4*x*y + y^2", {"x": 1e-3, "y": 0.0}, ["0", "0"], (1, 1)),
    ("gamma(x)", {"x": 1.46}, ["1.46163214496836234126265954232572"], (1, 0)),
    ("x - log(x)", {"x": 1.1}, ["1"], (1, 0)),
    ("softplus(x) - x/2 + y^2", {"x": 1e-3, "y": 0.0}, ["0", "0"], (2, 0)),
    ("exp(x) - x + where(x > 5, x, 0)", {"x": 0.1}, ["0"], (1, 0)),
]


@pytest.mark.parametrize(("program", "start", "place", "signs"), KNOWN)
def test_a_critical_point_is_enclosed(
    program: str, start: dict[str, float], place: list[str | None], signs: tuple[int, int]
) -> None:
    found = proved(program, **start)
    assert found is not None
    for ball, true in zip(found.place, place, strict=True):
        with ctx.workprec(320):
            assert ball.rad() < 1e-20
            if true is not None:
                assert ball.overlaps(flint.arb(f"{true} +/- 1e-30"))
    assert (found.rises, found.falls) == signs
    assert found.is_minimum is (signs[1] == 0)


@pytest.mark.parametrize(
    ("program", "start"),
    [
        ("x^4", 0.1),  # singular: Newton's steps halve only
        ("abs(x) + x^2", 0.0),
        ("max(x, 2*x) + x^2", 0.0),
        ("x + exp(x)", 0.0),  # no critical point at all
        ("floor(x) + (x - 1)^2", 1.0),
        ("elu(x) - x + x^3", 0.0),  # its second derivative jumps
        ("x*log(x) - x + sqrt(x - 1)", 1.0),
        ("where(x > 1, 2, 1)*(x - 1)^2", 1.0),
        ("sinc(x)", 4.5),  # its series is cut off: nothing bounds the rest
    ],
)
def test_what_is_not_proved(program: str, start: float) -> None:
    assert proved(program, x=start) is None


@pytest.mark.parametrize(("spread", "is_proved"), [(0.5, True), (1.5, False)])
def test_the_box_has_to_be_mapped_into_itself(spread: float, is_proved: bool) -> None:
    """What the gradient is at the midpoint proves nothing where its slopes may be 0 beside that."""

    def field(place: Sequence[Ball]) -> tuple[list[Ball], list[list[Ball]]]:
        (x,) = place
        return [x - 1], [[BALLS.one if x.is_exact else Ball(flint.arb(1, spread))]]

    assert (prove_critical(field, [1.25]) is not None) is is_proved


def test_no_value_is_told_beside_a_kink_a_jump_or_the_end_of_a_domain() -> None:
    for name, x in (("abs", 0.0), ("floor", 1.0), ("sqrt", 0.0), ("log", 0.0), ("relu", 0.0), ("asin", 1.0)):
        with pytest.raises(UndecidedError):
            BALLS.value(OPS[name], [Ball(flint.arb(x, 0.5))])
    with pytest.raises(UndecidedError):
        BALLS.value(OPS["leaky_relu"], [Ball(flint.arb(0)), Ball(flint.arb(0.25, 0.125))])
    assert BALLS.value(OPS["abs"], [Ball(flint.arb(0))]) == 0  # one number, whatever moves


def test_a_singular_hessian_with_one_sign_decides_nothing() -> None:
    found = proved("x*y", x=0.0, y=0.0)  # the first pivot is 0: a saddle, which pivots in order don't show
    assert found is None or (found.rises, found.falls) == (None, None)


def around(rng: random.Random, xs: tuple[float, ...], op: Op) -> tuple[list[Ball], list[float]]:
    """Return balls around points, and a point in them; orders and conditions stay."""
    balls, inside = [], []
    for place, x in enumerate(xs):
        radius = 0.0 if place < op.orders or (op.takes_condition and not place) else 2.0**-10 * abs(x)
        inside.append(x + rng.choice((-1.0, -0.5, 0.25, 1.0)) * radius)
        balls.append(Ball(flint.arb(x, radius)))
    return balls, inside


@pytest.mark.parametrize("op", [op for op in OPS.values() if not op.condition], ids=lambda op: op.name)
def test_balls_hold_what_rows_come_to(op: Op) -> None:
    rng = random.Random(op.name)
    with ctx.workprec(160):
        for xs in op.domain.inside:
            balls, inside = around(rng, xs, op)
            try:
                ball = BALLS.value(op, balls)
                fixed = [place < op.orders for place in range(len(xs))]
                slopes = BALLS.partials(op, ball, balls, fixed)
            except UndecidedError:
                continue
            reals = [REALS.number(x) for x in inside]
            y = REALS.value(op, reals)
            for told, true in zip((ball, *slopes), (y, *REALS.partials(op, y, reals, fixed)), strict=True):
                if told is not None and not isinstance(told, bool):
                    assert told.value.overlaps(flint.arb(f"{REALS.to_text(true, 40)} +/- 1e-30"))


def test_derivatives_over_a_box() -> None:
    graph = lower_source(read_source("x^2*y + sin(x*y)"))
    box = {"x": Ball(flint.arb(0.5, 0.01)), "y": Ball(flint.arb(-1.0, 0.01))}
    found = enclose(graph, ["x", "y"], box)
    for x, y in ((0.5, -1.0), (0.505, -0.995), (0.491, -1.009)):
        mixed = 2 * x + math.cos(x * y) - x * y * math.sin(x * y)
        assert found.bends[0][1].value.contains(mixed)
        assert found.slopes[1].value.contains(x * x + x * math.cos(x * y))
    with pytest.raises(UndecidedError):
        enclose(lower_source(read_source("abs(x)*y")), ["x"], {"x": Ball(flint.arb(0, 1)), "y": 2.0})


@pytest.mark.parametrize(
    ("first", "second", "less", "equal"), [((1, 0.5), (3, 0.5), True, False), ((1, 0), (1, 0), False, True)]
)
def test_comparisons_hold_for_all_of_a_ball(
    first: tuple[float, float], second: tuple[float, float], less: bool, equal: bool
) -> None:
    x, y = Ball(flint.arb(*first)), Ball(flint.arb(*second))
    assert (x < y, x == y, x >= y) == (less, equal, not less)
    wide = Ball(flint.arb(1, 5))
    for ask in (lambda: wide < x, lambda: wide == x, lambda: wide >= x, lambda: wide != x):
        with pytest.raises(UndecidedError):
            ask()
    assert BALLS.both(BALLS.lt(wide, x), False) is False
    assert BALLS.either(BALLS.lt(wide, x), True) is True
    joined = BALLS.where(BALLS.lt(wide, x), x, y)
    assert joined.value.contains(x.value)
    assert joined.value.contains(y.value)
