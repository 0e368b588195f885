"""What the gradients are for: every input a knob, turned a little against its gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.differentiate import graph_of
from backprop_cli.graph.sweep import forward
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.record import Record
from backprop_cli.tell.nudges import nudge_inputs

if TYPE_CHECKING:
    from backprop_cli.report import Report
    from backprop_cli.tell.nudges import Nudges

RATE = 0.01


class Knobs(Record):
    """The inputs turned by ``rate`` times their gradients, against these.

    nudges: which way the output falls along each.  turned: the inputs behind that, those that were asked
    for.  value: the output there, None where it has none.
    """

    rate: float
    nudges: Nudges
    turned: dict[str, float]
    value: float | None


def turn_knobs(report: Report, rate: float = RATE) -> Knobs:
    """Return what turning all inputs at once makes of the output. Raises LimitError for a long program."""
    nudges = nudge_inputs(report, rate)
    turned = {
        name: report.inputs[name] - rate * slope
        for name, slope in report.gradients.items()
        if math.isfinite(report.inputs[name] - rate * slope)
    }
    graph = graph_of(report)
    primal, failures = forward(graph, {**report.inputs, **turned}, FLOAT)
    value = None if graph.output in failures else primal[graph.output]
    return Knobs(rate, nudges, turned, value if value is not None and math.isfinite(value) else None)
