"""Counts of a program as text and as JSON: schema backprop/stats@1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.console.strict_json import dump

if TYPE_CHECKING:
    from backprop_cli.tell.stats import GraphStats


def render_stats(stats: GraphStats) -> str:
    """Return the counts as lines of text."""
    kinds = ", ".join(f"{count:,} {name}" for name, count in stats.primitives.items())
    operations, inputs = _count(stats.operations, "operation"), _count(stats.inputs, "input")
    lines = [
        f"program        {operations} on {inputs}: {kinds or 'nothing is computed'}",
        f"               depth {stats.depth:,}, {_count(stats.branch_points, 'branch point')}",
    ]
    operations, gradients = _count(stats.adjoint_operations, "operation"), _count(stats.gradients, "gradient")
    times = "" if stats.ratio is None else f": {stats.ratio:.2f} × the program"
    lines.append(f"adjoint graph  {operations} for the value and {gradients}{times}")
    if stats.gradients:
        paths = "more than 1e60 paths lead" if stats.paths is None else _paths(stats.paths)
        lines.append(f"paths          {paths} to the output: one sweep back takes all of them into account")
        forward = f"{_count(stats.gradients, 'sweep')}{', one for each input' * (stats.gradients > 1)}"
        lines.append(f"modes          reverse: 1 sweep back for {gradients}; forward: {forward}")
    if stats.instructions is not None:
        value, both = stats.instructions
        lines.append(f"batch          {_count(both, 'instruction')} a row, {value:,} for the value alone")
    return "\n".join(lines)


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _paths(count: int) -> str:
    return f"{_count(count, 'path')} lead{'s' * (count == 1)}"


def render_stats_json(stats: GraphStats) -> str:
    """Return the counts as one line of JSON."""
    value, both = stats.instructions or (None, None)
    return dump(
        {
            "schema": "backprop/stats@1",
            "program": stats.program,
            **({"read_as": stats.read_as} if stats.read_as else {}),
            "inputs": stats.inputs,
            "operations": stats.operations,
            "primitives": stats.primitives,
            "depth": stats.depth,
            "branch_points": stats.branch_points,
            "gradients": stats.gradients,
            "adjoint": {"operations": stats.adjoint_operations, "ratio": stats.ratio},
            "paths": stats.paths,
            "instructions": {"value": value, "value_and_gradients": both},
        }
    )
