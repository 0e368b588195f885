"""Cures: every entry fails where it says, its rewrite does not, and is the same function elsewhere."""

from __future__ import annotations

import math
from itertools import product

import pytest

from backprop_cli import gradient
from backprop_cli.errors import DomainError
from backprop_cli.findings import cures
from backprop_cli.findings.cures import CURES, Cure, filled, outcome, what_is_known
from backprop_cli.findings.matching import read_tree
from backprop_cli.language.binding import ATOM, POWER, PRODUCT, SUM, Piece
from backprop_cli.language.source import read_assignments, read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import mpmath_namespace

EACH = pytest.mark.parametrize("cure", CURES, ids=lambda cure: cure.formula.replace(" ", ""))
MANY = mpmath_namespace(60)
PLACES = (-1.375, -0.40625, 0.28125, 0.6875, 1.5625, 2.21875)


def is_finite(numbers: list[float] | None) -> bool:
    return numbers is not None and all(map(math.isfinite, numbers))


@EACH
def test_the_formula_fails_where_the_rewrite_is_right(cure: Cure) -> None:
    point = read_assignments(cure.at.split())
    assert not is_finite(outcome(cure.formula, point, FLOAT))
    found = outcome(cure.rewrite, point, FLOAT)
    assert is_finite(found)
    for x, known in zip(found or (), what_is_known(cure.formula, point), strict=True):
        # A difference of operands near 1000 is rounded to 1e-13.
        assert all(abs(x - number) <= 1e-13 * max(1, abs(number)) for number in known)


@EACH
def test_the_rewrite_is_the_same_function(cure: Cure) -> None:
    names = list(read_source(cure.formula).inputs)
    met = 0
    for places in product(PLACES, repeat=len(names)):
        point = {name: MANY.number(x) for name, x in zip(names, places, strict=True)}
        before = outcome(cure.formula, point, MANY)
        if before is None:
            continue
        after = outcome(cure.rewrite, point, MANY)
        if after is None:  # log(x^n) of a negative number: not told there
            assert not is_finite(outcome(cure.rewrite, dict(zip(names, places, strict=True)), FLOAT))
            continue
        met += 1
        for x, y in zip(before, after, strict=True):
            assert abs(x - y) <= 1e-50 * max(1, abs(x))
    assert met >= 2


# Operands with the value of p, where q is 0 and r is 1.
OPERANDS = (Piece("p", ATOM), Piece("p - q", SUM), Piece("p/r", PRODUCT), Piece("p^r", POWER))


@pytest.mark.parametrize(("place", "cure"), list(enumerate(CURES)), ids=lambda x: getattr(x, "formula", ""))
def test_what_is_told_can_be_put_in_its_place(place: int, cure: Cure) -> None:
    at = read_assignments(cure.at.split())
    operand = OPERANDS[place % len(OPERANDS)]
    operands = {name: Piece(operand.text.replace("p", f"p_{name}"), operand.binding) for name in at}
    point = {**{f"p_{name}": x for name, x in at.items()}, "q": 0.0, "r": 1.0}
    formula = filled(cure.formula, operands)
    told, rewrite = told_of(f"2*({formula}) - 1", used(formula, point)).split(" → ")
    assert told == formula
    report = gradient(rewrite, used(rewrite, point), check=False)
    found = outcome(cure.rewrite, at, FLOAT)
    assert found is not None
    assert report.value == found[0]
    slopes = [report.gradients.get(f"p_{name}", 0.0) for name in at]
    assert slopes == pytest.approx(found[1:], rel=1e-15)


def used(program: str, point: dict[str, float]) -> dict[str, float]:
    return {name: point[name] for name in read_source(program).inputs}


def told_of(program: str, point: dict[str, float]) -> str:
    """Return the cure that a program is given at a point, as a hint or in a warning."""
    try:
        report = gradient(program, point, check=False)
    except DomainError as error:
        return error.hint
    return next((w.message.split("; ")[-1] for w in report.warnings if "→" in w.message), "")


@pytest.mark.parametrize(
    ("program", "point", "hint"),
    [
        ("log(exp(x) + 1)", {"x": 800}, "log(1 + exp(x)) → softplus(x)"),
        ("log(1 + exp(a*b))", {"a": 800, "b": 1}, "log(1 + exp(a*b)) → softplus(a*b)"),
        ("u = a - b; log(1 + exp(u))", {"a": 800, "b": 0}, "log(1 + exp(u)) → softplus(u)"),
        ("log(1 + exp(-(a - b)))", {"a": -800, "b": 0}, "log(1 + exp(-(a - b))) → softplus(-(a - b))"),
        ("p = sigmoid(z); -y*log(p) - (1 - y)*log(1 - p)", {"z": 40, "y": 0},
         "log(1 - sigmoid(z)) → -softplus(z)"),
        ("log(p^400)", {"p": 0.1}, "log(p^400) → 400*log(p)"),
        ("log(exp(b)/(exp(a) + exp(b)))", {"a": 1000, "b": 0},
         "log(exp(b)/(exp(b) + exp(a))) → -softplus(a - b)"),
        ("x = exp(x); x = log(1 + x); 2*x", {"x": 800}, "log(1 + exp(x#1)) → softplus(x#1)"),
        ("c = x + 1; c = c*c; log(1 + exp(c + 1))", {"x": 30}, "log(1 + exp(v1)) → softplus(v1)"),
        ("acos(x*y)", {"x": 1.0000000000000002, "y": 1}, "acos(x*y) → acos(clip(x*y, -1, 1))"),
        ("y*(w - x)^(1/3)", {"w": 1, "x": 9, "y": 2}, "(w - x)^(1/3) → cbrt(w - x)"),
        ("sqrt(a^2 + (a - b)*(a - b))", {"a": 0, "b": 0}, "sqrt(a^2 + (a - b)*(a - b)) → hypot(a, a - b)"),
        ("1/(1 + exp(-k*(t - t0)))", {"k": 10, "t": -100, "t0": 5},
         "1/(1 + exp(-k*(t - t0))) → sigmoid(k*(t - t0))"),
        ("exp(-x^2/2)/exp(-y^2)", {"x": 40, "y": 30}, "exp(-x^2/2)/exp(-y^2) → exp(-x^2/2 + y^2)"),
        ("x*(-8)^(1/3)", {"x": 1}, "(-8)^(1/3) → cbrt(-8)"),
        ("x*(2 - 3)^(1/3)", {"x": 1}, "(2 - 3)^(1/3) → cbrt(2 - 3)"),
        ("sin(2*x)/(2*x)", {"x": 0}, "sin(2*x)/(2*x) → sinc(2*x)"),
        ("(exp(x) - 1)/x", {"x": 0}, "(exp(x) - 1)/x → where(abs(x) > 0, expm1(x)/x, 1 + x/2)"),
    ],
    ids=lambda x: str(x)[:40],
)  # fmt: skip
def test_cures(program: str, point: dict[str, float], hint: str) -> None:
    assert told_of(program, point) == hint


@pytest.mark.parametrize(
    ("program", "point"),
    [
        ("exp(x) - 1", {"x": 1000}),  # expm1 overflows too
        ("1/x", {"x": 0}),
        ("log(x^3)", {"x": -1}),
        ("log(x*y)", {"x": -1, "y": 2}),
        ("log(x/y)", {"x": 0, "y": 2}),
        ("exp(a)*exp(b)", {"a": 1000, "b": 1000}),
        ("acos(x)", {"x": 1.5}),
        ("asin(x)", {"x": 1.0000000001}),
        ("sqrt(x)", {"x": 0}),
        ("x^(1/3)", {"x": 0}),
        ("sin(x)/y", {"x": 0, "y": 0}),
    ],
    ids=str,
)  # fmt: skip
def test_no_cure_that_does_not_help(program: str, point: dict[str, float]) -> None:
    assert "→" not in told_of(program, point)


@pytest.mark.parametrize(
    "wrong",
    [
        Cure("sin(x)/x", "where(x > 0, sin(x)/x, 2)", "x=0"),
        Cure("sin(x)/x", "1 + x", "x=0"),  # the value is right, the slope is not
        Cure("log(1 + exp(x))", "x + 1", "x=800"),
        Cure("log(1 + exp(x))", "expm1(x)", "x=800"),
    ],
    ids=lambda cure: cure.rewrite,
)
def test_a_wrong_rewrite_is_not_told(wrong: Cure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cures, "CURES", (wrong,))
    cures._cures_of.cache_clear()
    try:
        assert told_of(wrong.formula, read_assignments(wrong.at.split())) == ""
    finally:
        cures._cures_of.cache_clear()


def test_no_formula_is_deeper_than_the_search() -> None:
    def deepest(tree: object) -> int:
        return 1 + max(map(deepest, tree[1])) if isinstance(tree, tuple) else 0

    depths = [deepest(read_tree(cure.formula)) for cure in CURES]
    assert max(depths) - 1 <= cures._DEPTH


def test_a_failure_that_feeds_a_large_program_is_told_soon() -> None:
    many = " + ".join(f"sin(u*{i})" for i in range(20_000))
    assert told_of(f"u = exp(x); v = log(1 + u); {many} + v", {"x": 800}) == "log(1 + exp(x)) → softplus(x)"


def test_no_clip_is_told_at_the_edge_itself() -> None:
    """There the slope is infinite; a clip would make 0 of it."""
    report = gradient("asin(clip(1 + x, -1, 1))", x=0)
    assert [w.message for w in report.warnings if "→" in w.message or "→" in w.hint] == []
