"""Parts of a data set in tasks: small ones together, and alone again where a worker is lost with them."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from unittest import mock

import pytest

from backprop_cli.batch.forms import Form
from backprop_cli.batch.job import Job
from backprop_cli.cli import parts as progress
from backprop_cli.cli.parts import PartsProgress
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output
from backprop_cli.datasets.inputs import Input
from backprop_cli.datasets.part import Look, Outcome, Part
from backprop_cli.datasets.plan import Ledger, Plan, make_plan
from backprop_cli.datasets.run import Run, Shard, pack_tasks
from backprop_cli.datasets.workers import LOST

JOB = Job("x^2", {}, {}, None, 1.0, [], Form.csv, Form.csv, engine="numpy")


def plan_of(sizes: Sequence[int], folder: Path) -> Plan:
    inputs = [Input(f"/in/{n:03}.csv", f"{n:03}.csv", Form.csv, size, "") for n, size in enumerate(sizes, 1)]
    return make_plan(JOB, None, inputs, str(folder / "out"))


@pytest.mark.parametrize(
    ("sizes", "places", "expected"),
    [
        ([10] * 6, 2, [1] * 6),
        ([10] * 17, 2, [3] * 5 + [2]),
        ([10] * 3000, 2, [100] * 30),
        ([20 << 20, 10 << 20, 5 << 20, 1, 1, 40 << 20] * 40, 1, [2, 3, 1] * 40),
        ([], 2, []),
        ([10] * 9, 0, [3] * 3),
    ],
)
def test_small_parts_are_neighbours_in_a_task(
    sizes: list[int], places: int, expected: list[int], tmp_path: Path
) -> None:
    parts = plan_of(sizes, tmp_path).parts if sizes else ()
    tasks = pack_tasks(parts, places)
    assert [len(task) for task in tasks] == expected
    assert [part for task in tasks for part in task] == list(parts)


class Fragile:
    """Do parts by name, one task at a time; a part of ``poison`` ends whoever is given it."""

    threads = 2

    def __init__(self, poison: Sequence[int]) -> None:
        self.tasks: list[list[int]] = []
        self._poison = set(poison)
        self._waiting: list[Sequence[Part]] = []

    def look(self, part: Part) -> Look:
        raise NotImplementedError

    def room(self) -> int:
        return 1 - len(self._waiting)

    def submit(self, parts: Sequence[Part]) -> None:
        assert all(part.threads == 1 for part in parts)
        self._waiting.append(parts)
        self.tasks.append([part.number for part in parts])

    def outcomes(self, patience: float) -> list[Outcome]:  # noqa: ARG002 - it never waits
        parts = self._waiting.pop()
        if self._poison & {part.number for part in parts}:
            return [Outcome(part.number, None, f"{part.input.name}: {LOST}", True) for part in parts]
        return [Outcome(part.number, {"rows": 10, "statuses": {}, "sums": {}}) for part in parts]

    def close(self) -> None:
        pass


def test_a_part_that_ends_its_worker_does_not_take_others_with_it(tmp_path: Path) -> None:
    plan = plan_of([10] * 20, tmp_path)
    ledger, told = Ledger(plan), mock.Mock()
    workers = Fragile([7])
    summary = Run(plan, ledger, Shard(), retries=0).go(workers, told)
    assert workers.tasks == [[n, n + 1, n + 2, n + 3, n + 4] for n in (1, 6, 11, 16)] + [
        [6],
        [7],
        [8],
        [9],
        [10],
    ]
    assert summary.failures == {7: f"007.csv: {LOST}"}
    assert (summary.written, summary.repeated) == (19, 5)
    assert told.advance.call_count == 20


def test_progress_is_told_in_parts_and_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = StringIO()
    clock = mock.Mock(return_value=0.0)
    monkeypatch.setattr(progress.time, "monotonic", clock)
    plan = plan_of([1_000_000] * 4, tmp_path)
    told = PartsProgress(Output(Environment(None, None, said, {})), plan.parts)
    for at, outcome in (
        (59.0, Outcome(1, {"rows": 1200})),
        (60.0, Outcome(2, None, "no")),
        (61.0, None),
        (120.0, Outcome(3, {"rows": 1})),
        (180.0, Outcome(4, {"rows": 0})),
    ):
        clock.return_value = at
        if outcome:
            told.advance(plan.parts[outcome.number - 1], outcome)
        told.wait()
    assert said.getvalue().splitlines() == [
        "1 of 4 parts, 1,200 rows, 1 failed: 50% of 4.0 MB, some 1 min left",
        "2 of 4 parts, 1,201 rows, 1 failed: 75% of 4.0 MB, less than a minute left",
        "3 of 4 parts, 1,201 rows, 1 failed: 100% of 4.0 MB",
    ]


def test_a_terminal_shows_it_as_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = StringIO()
    monkeypatch.setattr(said, "isatty", lambda: True)
    environment = Environment(None, said, said, {"TERM": "xterm"})
    plan = plan_of([1_000_000] * 4, tmp_path)
    with PartsProgress(Output(environment), plan.parts) as told:
        monkeypatch.setattr(told._line, "_next", 0.0)
        told.advance(plan.parts[0], Outcome(1, {"rows": 1200}))
        told.wait()
    assert "25% 1 of 4 parts, 1,200 rows" in said.getvalue()
