"""A run over the parts of a plan: what is missing is done, again where a worker or a storage fails."""

from __future__ import annotations

import time
from collections import Counter
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


class Told(Protocol):
    """Is told how far a run is."""

    def advance(self, n: int, /) -> None:
        """So many bytes more of the data are done."""


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
    run wrote.  failures: what is wrong with the others, by their numbers.  repeated: how often one was done
    again.  is_whole: whether all parts of the plan are there.
    """

    records: dict[int, dict[str, Any]]
    written: int
    failures: dict[int, str]
    repeated: int
    is_whole: bool


class Run:
    """A run. retries: how often a part is done again that a worker or a storage has failed."""

    def __init__(self, plan: Plan, ledger: Ledger, shard: Shard, retries: int) -> None:
        self._parts = {part.number: part for part in plan.parts}
        self._own = [part for part in plan.parts if shard.has(part)]
        self._ledger = ledger
        self._retries = retries
        self._tries: Counter[int] = Counter()
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
        waiting = [(0.0, self._ready(part, workers)) for part in self.todo]
        busy = 0
        while waiting or busy:
            ready = [item for item in waiting if item[0] <= time.monotonic()][: workers.room()]
            for item in ready:
                waiting.remove(item)
                workers.submit(item[1])
                busy += 1
            if not busy:
                time.sleep(_PATIENCE)
            for outcome in workers.outcomes(_PATIENCE):
                busy -= 1
                pause = self._take(outcome)
                if pause is not None:
                    waiting.append(
                        (time.monotonic() + pause, self._ready(self._parts[outcome.number], workers))
                    )
                else:
                    told.advance(self._parts[outcome.number].input.size)
        return self._end(written - len(self._failures))

    def _ready(self, part: Part, workers: Workers) -> Part:
        return part._replace(aside=self._ledger.aside, threads=workers.threads)

    def _take(self, outcome: Outcome) -> float | None:
        """Note what became of a part. Return the seconds until it is done again, None if it is not."""
        number = outcome.number
        if outcome.record is not None:
            self._ledger.note(self._parts[number], outcome.record)
            self.records[number] = outcome.record
            return None
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


def own_records(summary: Summary, shard: Shard, parts: Sequence[Part]) -> list[dict[str, Any]]:
    """Return the records of a shard that are there, in the order of parts."""
    own = (part.number for part in parts if shard.has(part))
    return [summary.records[number] for number in own if number in summary.records]
