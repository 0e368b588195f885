"""Descents as tables, CSV, JSON Lines and JSON: schema backprop/minimize@1."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, number
from backprop_cli.descent.report import End, Kind
from backprop_cli.descent.rules import RULES
from backprop_cli.render.resume import how_to_go_on
from backprop_cli.text import listing, number_text, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.console.sheets import Role
    from backprop_cli.descent.report import Descent, Step

_FEW_ROWS = 24
_MOST_NAMES = 8


def descent_blocks(descent: Descent, digits: int | None, *, everything: bool) -> list[Block]:
    """Return the first step as on a board, a row for each step, and what the last point is."""
    sheet = _sheet(descent, digits, everything=everything)
    board: list[tuple[str, Role]] = [(line, "") for line in _board(descent, digits)]
    blocks = [Block((), lambda: board)] if board else []
    return [
        *blocks,
        Block((lambda: sheet,), lambda: _lines(descent, digits)),
        Block((), lambda: closing(descent, digits)),
    ]


def _board(descent: Descent, digits: int | None) -> Iterator[str]:
    """Yield the first step of gradient descent: w = w − rate · ∂C/∂w = 0.5 − 1 · (−0.3) = 0.8."""
    if descent.method != "gd" or descent.batch or len(descent.steps) < 2 or descent.steps[0].halved:
        return
    first, second = descent.steps[:2]
    sign = "−" if descent.sign > 0 else "+"
    for name in descent.names[:_MOST_NAMES]:
        slope = number_text(first.slopes[name], digits)
        slope = f"({slope})" if slope.startswith("-") else slope
        numbers = f"{number_text(first.point[name], digits)} {sign} {number_text(descent.rate)} · {slope}"
        symbols = f"{name} {sign} rate · ∂{descent.output}/∂{name}"
        yield f"{name} = {symbols} = {numbers} = {number_text(second.point[name], digits)}"


def _shown(steps: Sequence[Step], *, everything: bool) -> list[Step | None]:
    if everything or len(steps) <= _FEW_ROWS:
        return list(steps)
    half = _FEW_ROWS // 2
    return [*steps[:half], None, *steps[-half:]]


def _sheet(descent: Descent, digits: int | None, *, everything: bool) -> Sheet:
    names = descent.names[:_MOST_NAMES]
    more = len(descent.names) > len(names)
    rows = []
    for step in _shown(descent.steps, everything=everything):
        if step is None:
            hidden = len(descent.steps) - _FEW_ROWS
            rows.append(Row((("…",), (f"{hidden:,} more (--trace)",)), "note"))
            continue
        numbers = [number_text(step.cost, digits), *(number_text(step.point[n], digits) for n in names)]
        cells = [str(step.number), numbers[0], number_text(step.size, digits), *numbers[1:]]
        cells += ["…"] * more
        rows.append(Row(tuple((cell,) for cell in cells), "output" if step.number == descent.best else ""))
    header = (descent.unit, descent.output, f"|∇{descent.output}|", *names, *("…",) * more)
    rows = [Row(_padded(row.cells, len(header)), row.role) for row in rows]
    return Sheet(header, tuple(range(len(header))), rows)


def _padded(cells: tuple[tuple[str, ...], ...], count: int) -> tuple[tuple[str, ...], ...]:
    return (*cells, *((("",),) * (count - len(cells))))[:count]


def _lines(descent: Descent, digits: int | None) -> list[tuple[str, Role]]:
    """Return the steps as lines, for a terminal too narrow for columns."""
    lines: list[tuple[str, Role]] = []
    for step in _shown(descent.steps, everything=False):
        if step is None:
            lines.append(("…", "note"))
            continue
        lines.append(
            (f"{descent.unit} {step.number}: {descent.output} = {number_text(step.cost, digits)}", "output")
        )
        lines += [(f"  {name} = {number_text(step.point[name], digits)}", "") for name in descent.names]
    return lines


def closing(descent: Descent, digits: int | None) -> list[tuple[str, Role]]:
    """Return the last lines: where it ended, what that is, and how to go on."""
    last, best = descent.steps[-1], descent.steps[descent.best]
    count = last.number
    lines: list[tuple[str, Role]] = []
    if descent.read_as:
        lines.append((reading(descent.read_as), "note"))
    halved = [step for step in descent.steps if step.halved and step.note]
    if halved:
        times = f"{len(halved):,} step{'s were' if len(halved) > 1 else ' was'}"
        lines.append((f"{times} halved, the first since {halved[0].note}", "note"))
    steps = f"{count:,} {descent.unit}{'s' * (count != 1)} of {descent.method}"
    if descent.batch:
        steps += f" in batches of {descent.batch:,} shuffled by seed {descent.seed}"
    where = _point(last, descent.names, digits)
    lines.append((f"{steps}: {descent.output} = {number_text(last.cost, digits)} at {where}", "output"))
    if best.number != count and descent.sign * best.cost < descent.sign * last.cost:
        what = f"{'lowest' if descent.sign > 0 else 'highest'} at {descent.unit} {best.number:,}"
        cost = number_text(best.cost, digits)
        lines.append((f"{what}: {cost} at {_point(best, descent.names, digits)}", ""))
    role: Role = "pass" if descent.verdict.kind is Kind.REACHED else "note"
    lines += [(told, role) for told in descent.verdict.told]
    if descent.end is End.INTERRUPTED:
        lines.append((how_to_go_on({name: best.point[name] for name in descent.names}), "note"))
    return lines


def _point(step: Step, names: Sequence[str], digits: int | None) -> str:
    told = [f"{name} = {number_text(step.point[name], digits)}" for name in names[:_MOST_NAMES]]
    return listing(told) if len(names) <= _MOST_NAMES else f"{', '.join(told)}, …"


def render_csv(descent: Descent) -> str:
    """Return a step a row: its number, the value, the length of the gradient, the inputs, the gradient."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("step", "value", "size", *descent.names, *(f"grad_{name}" for name in descent.names)))
    for step in descent.steps:
        points = (step.point[name] for name in descent.names)
        slopes = (step.slopes[name] for name in descent.names)
        writer.writerow((step.number, *map(repr, (step.cost, step.size, *points, *slopes))))
    return text.getvalue()


def render_lines(descent: Descent) -> Iterator[str]:
    """Yield a step a line of JSON."""
    for step in descent.steps:
        yield dump(_step(step)) + "\n"


def render_json(descent: Descent) -> str:
    """Return the descent as one line of JSON."""
    last, best, critical = descent.steps[-1], descent.steps[descent.best], descent.verdict.critical
    record: dict[str, Any] = {
        "schema": "backprop/minimize@1",
        "program": descent.program,
        **({"read_as": descent.read_as} if descent.read_as else {}),
        "output": descent.output,
        "names": list(descent.names),
        "fixed": descent.fixed,
        "method": descent.method,
        "rate": descent.rate if descent.method in RULES else None,
        "maximize": descent.sign < 0,
        **({"batch_size": descent.batch, "seed": descent.seed} if descent.batch else {}),
        "value": number(last.cost),
        "point": last.point,
        "best": {"step": best.number, "value": number(best.cost), "point": best.point},
        "end": descent.end,
        "verdict": {
            "kind": descent.verdict.kind,
            "told": list(descent.verdict.told),
            "critical": None
            if critical is None
            else {"kind": critical.kind, "point": critical.point, "certain": critical.is_proved},
        },
        "steps": [_step(step) for step in descent.steps],
    }
    return dump(record)


def _step(step: Step) -> dict[str, Any]:
    record: dict[str, Any] = {
        "step": step.number,
        "value": number(step.cost),
        "size": number(step.size),
        "point": step.point,
        "gradients": step.slopes,
    }
    return record | ({"halved": step.halved, "note": step.note} if step.halved else {})
