"""A run over the parts of a plan: what is missing is done, again where a worker or a storage fails."""

from __future__ import annotations

import time
from collections import Counter
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from backprop_cli.datasets.workers import WorkersLostError
from backprop_cli.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.datasets.part import Outcome, Part
    from backprop_cli.datasets.plan import Ledger, Plan
    from backprop_cli.datasets.workers import Workers

_PATIENCE = 0.5
_LONGEST_PAUSE = 30.0
_SMALL = 1 << 20
"""Bytes below which a part is not worth more than one thread."""
_TASK = 1 << 25
"""Bytes from which on it costs little to hand a task out."""
_MANY = 100
"""The most parts of a task: what is lost with its worker is done again."""
_SHARES = 4
"""How many tasks there are at least for each place, so that all come to their end together."""


class Told(Protocol):
    """Is told how far a run is."""

    def advance(self, part: Part, outcome: Outcome, /) -> None:
        """Count a part that is done, or will not be."""

    def wait(self) -> None:
        """Take note that some time has passed."""


class Shard(NamedTuple):
    """Every part whose number is K, K + N, K + 2N and so on."""

    place: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.place}/{self.of}"

    def has(self, part: Part) -> bool:
        """Tell whether a part is in it."""
        return part.number % self.of == self.place % self.of


class Summary(NamedTuple):
    """What became of the parts of a run.

    records: of those that are there, by their numbers, of other shards too.  written: how many of them this
    run wrote.  failures: what is wrong with the others, by their numbers.  repeated: how often one was handed
    out again.  is_whole: whether all parts of the plan are there.
    """

    records: dict[int, dict[str, Any]]
    written: int
    failures: dict[int, str]
    repeated: int
    is_whole: bool


class Run:
    """A run. retries: how often a part is handed out again, alone, that a worker or a storage has failed."""

    def __init__(self, plan: Plan, ledger: Ledger, shard: Shard, retries: int) -> None:
        self._parts = {part.number: part for part in plan.parts}
        self._own = [part for part in plan.parts if shard.has(part)]
        self._ledger = ledger
        self._retries = retries
        self._tries: Counter[int] = Counter()
        self._packed: set[int] = set()
        self.records = ledger.done()
        self.todo = [part for part in self._own if part.number not in self.records]
        self._failures: dict[int, str] = {}
        self._repeated = 0

    def go(self, workers: Workers, told: Told) -> Summary:
        """Do what is missing. Raises FileError where nobody is left to do it."""
        try:
            return self._go(workers, told)
        except WorkersLostError as error:
            there = f"{len(self.records):,} of {len(self._parts):,} parts are there"
            raise FileError(f"{error.message}: {there}", hint="the same command goes on") from None

    def _go(self, workers: Workers, told: Told) -> Summary:
        if len(self.records) < len(self._parts):
            self._ledger.unfinish()
        written = len(self.todo)
        waiting = [(0.0, task) for task in pack_tasks(self.todo, workers.room())]
        self._packed = {part.number for _, task in waiting if len(task) > 1 for part in task}
        busy = 0
        while waiting or busy:
            ready = [item for item in waiting if item[0] <= time.monotonic()][: workers.room()]
            for item in ready:
                waiting.remove(item)
                workers.submit([self._ready(part, workers) for part in item[1]])
                busy += len(item[1])
            if not busy:
                time.sleep(_PATIENCE)
            for outcome in workers.outcomes(_PATIENCE):
                busy -= 1
                part = self._parts[outcome.number]
                pause = self._take(outcome)
                if pause is not None:
                    waiting.append((time.monotonic() + pause, [part]))
                else:
                    told.advance(part, outcome)
            told.wait()
        return self._end(written - len(self._failures))

    def _ready(self, part: Part, workers: Workers) -> Part:
        threads = 1 if part.input.size < _SMALL else workers.threads
        return part._replace(aside=self._ledger.aside, threads=threads)

    def _take(self, outcome: Outcome) -> float | None:
        """Note what became of a part. Return the seconds until it is done again, None if it is not."""
        number = outcome.number
        if outcome.record is not None:
            self.records[number] = self._ledger.note(self._parts[number], outcome.record)
            return None
        if outcome.is_passing and number in self._packed:  # it may be the fault of another part of the task
            self._packed.discard(number)
            self._repeated += 1
            return 0.0
        if outcome.is_passing and self._tries[number] < self._retries:
            self._tries[number] += 1
            self._repeated += 1
            return min(2.0 ** self._tries[number] - 1.0, _LONGEST_PAUSE)
        self._failures[number] = outcome.message
        return None

    def _end(self, written: int) -> Summary:
        if len(self._own) < len(self._parts):
            self.records = self._ledger.done()  # other shards went on meanwhile
        is_whole = len(self.records) == len(self._parts)
        if is_whole:
            self._ledger.finish(self.records)
        return Summary(self.records, written, self._failures, self._repeated, is_whole)


def pack_tasks(parts: Sequence[Part], places: int) -> list[list[Part]]:
    """Return neighbours together where they are small. places: how many tasks are done or wait at a time."""
    most = min(_MANY, ceil(len(parts) / (_SHARES * max(places, 1))))
    tasks: list[list[Part]] = []
    size = 0
    for part in parts:
        size += part.input.size
        if not tasks or size > _TASK or len(tasks[-1]) == most:
            tasks.append([])
            size = part.input.size
        tasks[-1].append(part)
    return tasks


def own_records(summary: Summary, shard: Shard, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the records of a shard that are there, in the order of parts."""
    own = (part.number for part in parts if shard.has(part))
    return [summary.records[number] for number in own if number in summary.records]
