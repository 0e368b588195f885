"""How large the terms are that cancel in a value or a slope, as the row says."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import forward
from backprop_cli.graph.tape import Graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.op import Number, Op
from backprop_cli.operations.reals import MpmathNamespace


@cache
def _graph(text: str) -> Graph:
    return lower_source(read_source(text))


def larger_term(op: Op, argnum: int, xs: Sequence[float], m: MpmathNamespace) -> Number:
    """Return what the slope by an operand is measured by where it is smaller itself; 0 if nothing cancels."""
    if not op.cancels:
        return m.zero
    return _term(op.cancels[argnum], op, xs, m)


def larger_term_of_value(op: Op, xs: Sequence[float], m: MpmathNamespace) -> Number:
    """Return what the value is measured by where it is smaller itself; 0 if nothing cancels."""
    return _term(op.value_cancels, op, xs, m) if op.value_cancels else m.zero


def _term(text: str, op: Op, xs: Sequence[float], m: MpmathNamespace) -> Number:
    graph = _graph(text)
    primal, failures = forward(graph, dict(zip(op.args, xs, strict=True)), m)
    assert graph.output not in failures
    return primal[graph.output]
