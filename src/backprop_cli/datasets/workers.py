"""Who does the parts: this process, or processes of this machine. A cluster is in ``cluster.py``."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_end
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from backprop_cli.datasets.part import Look, Outcome, Part, look, run_part, run_parts
from backprop_cli.errors import FileError
from backprop_cli.system.files import remove_unfinished
from backprop_cli.system.threads import count_workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOST = "its worker ended before it was done"


class WorkersLostError(FileError):
    """Nobody is left to do parts."""


class Workers(Protocol):
    """Do parts. Raises WorkersLostError where there are none left that could.

    threads: how many compute a part.
    """

    threads: int

    def look(self, part: Part) -> Look:
        """Return what a part shows of all."""

    def room(self) -> int:
        """Return how many tasks more may be submitted."""

    def submit(self, parts: Sequence[Part]) -> None:
        """Have parts done, by one of them and one after the other: a task."""

    def outcomes(self, patience: float) -> list[Outcome]:
        """Return what has been done meanwhile, after at most so many seconds if there is nothing."""

    def close(self) -> None:
        """Let go of them; what they are at is not waited for."""


class OwnProcess:
    """Does the parts itself, one after the other."""

    def __init__(self) -> None:
        self.threads = count_workers()
        self._waiting: deque[Part] = deque()

    def look(self, part: Part) -> Look:
        """Return what a part shows of all."""
        return look(part)

    def room(self) -> int:
        """Return how many tasks more may be submitted."""
        return 0 if self._waiting else 1

    def submit(self, parts: Sequence[Part]) -> None:
        """Have parts done."""
        self._waiting.extend(parts)

    def outcomes(self, patience: float) -> list[Outcome]:  # noqa: ARG002 - it has been at it all the while
        """Return what has been done meanwhile."""
        return [run_part(self._waiting.popleft())] if self._waiting else []

    def close(self) -> None:
        """Let go of nothing."""


class LocalWorkers:
    """Processes of this machine: one task each, so that it is clear what one has ended with."""

    def __init__(self, count: int) -> None:
        self.threads = max(1, count_workers() // count)
        self._free = [_start_process() for _ in range(count)]
        self._busy: dict[Future[list[Outcome]], tuple[ProcessPoolExecutor, Sequence[Part]]] = {}

    def look(self, part: Part) -> Look:
        """Return what a part shows of all."""
        return look(part)

    def room(self) -> int:
        """Return how many tasks more may be submitted."""
        return len(self._free)

    def submit(self, parts: Sequence[Part]) -> None:
        """Have parts done."""
        process = self._free.pop()
        self._busy[process.submit(run_parts, parts)] = process, parts

    def outcomes(self, patience: float) -> list[Outcome]:
        """Return what has been done meanwhile, after at most so many seconds if there is nothing."""
        return list(self._take(wait(self._busy, patience, FIRST_COMPLETED).done))

    def _take(self, done: set[Future[list[Outcome]]]) -> Iterator[Outcome]:
        for future in done:
            process, parts = self._busy.pop(future)
            try:
                yield from future.result()
            except BrokenProcessPool:
                process = _start_process()
                yield from (Outcome(part.number, None, f"{part.input.name}: {LOST}", True) for part in parts)
            self._free.append(process)

    def close(self) -> None:
        """End the processes."""
        for process in (*self._free, *(process for process, _ in self._busy.values())):
            process.shutdown(wait=not self._busy, cancel_futures=True)


def _start_process() -> ProcessPoolExecutor:
    # A fork would take the threads of pyarrow for its own.
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Prepare a process: Ctrl-C is for the one that started it, and where that ends, this one does."""
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
        remove_unfinished()
        os._exit(1)
