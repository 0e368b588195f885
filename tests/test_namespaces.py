"""What a row may call is stated once, and every number system has it."""

from __future__ import annotations

import pytest

from backprop_cli.batch.engines.namespace import ARRAY
from backprop_cli.compile.recorder import Recorder
from backprop_cli.compile.tracer import Tracer
from backprop_cli.operations.bounded import bounded_reals
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.intervals import INTERVALS
from backprop_cli.operations.op import Namespace
from backprop_cli.operations.reals import mpmath_namespace
from symbols import sympy_namespace

# Doubles with bounds run no row by themselves: they take its value in doubles and its bound from the reals.
NAMESPACES = {
    "doubles": FLOAT,
    "reals": mpmath_namespace(50),
    "formulas": sympy_namespace(),
    "reals with bounds": bounded_reals(50),
    "intervals": INTERVALS,
    "arrays": ARRAY,
    "registers": Tracer(),
    "nodes": Recorder(),
}


def missing(m: Namespace) -> list[str]:
    """Return what a number system lacks."""
    return [name for name in Namespace.__annotations__ if not hasattr(m, name)]


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_number_system_has_all_that_rows_may_call(name: str) -> None:
    assert missing(NAMESPACES[name]) == []


def test_what_is_missing_is_named() -> None:
    class Half(type(FLOAT)):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            del self.tanh

    assert missing(Half()) == ["tanh"]


def test_balls_lack_what_nothing_bounds() -> None:
    balls = pytest.importorskip("backprop_cli.operations.balls")
    assert missing(balls.BALLS) == ["bits"]
