"""Workers of Dask distributed. Imported only where ``--on`` names a scheduler.

Dask decides which worker does a part, and has another do it where one is lost. No rows go through the
scheduler: a part is some hundred bytes, and so is its record.
"""

from __future__ import annotations

import logging
import time
import warnings
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import Client
from distributed.scheduler import KilledWorker

from backprop_cli.datasets.part import Outcome, look_packed, pack, run_packed
from backprop_cli.datasets.workers import LOST, WorkersLostError
from backprop_cli.errors import BackpropError, FileError, PackageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.datasets.part import Look, Part

_WAIT = 15.0
"""Seconds for a scheduler to answer, and for workers to come where there are none."""
_PAUSE = 2.0
"""Seconds between two looks at who is there."""


class Cluster:
    """The workers of a scheduler."""

    threads = 1

    def __init__(self, address: str) -> None:
        self._address = address
        logging.disable()  # what Dask has to say of its connections is said here
        warnings.filterwarnings("ignore", module="distributed")  # and versions are compared by what is sent
        self._busy: dict[str, tuple[Any, Sequence[Part]]] = {}
        self._done: SimpleQueue[Any] = SimpleQueue()
        try:
            self._client = Client(address, timeout=_WAIT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            hint = "dask scheduler starts one"
            if address.startswith("tls:"):
                hint = "certificates stand in Dask's own configuration, under distributed.comm.tls"
            raise FileError(f"no scheduler answers at {address}: {_said(error)}", hint=hint) from None
        try:
            self._client.wait_for_workers(1, timeout=_WAIT)
        except TimeoutError:
            self.close()
            raise FileError(
                f"the scheduler at {address} has no workers", hint=f"dask worker {address} starts one"
            ) from None
        self._last_look = self._last_seen = 0.0
        self._threads = 0
        self._look_around()

    def look(self, part: Part) -> Look:
        """Return what a part shows of all, to a worker."""
        future = self._client.submit(look_packed, *pack([part]), pure=False)
        future.add_done_callback(self._done.put)
        while not self._done.qsize():
            self._look_around()
            time.sleep(0.01)
        self._done.get()
        try:
            seen: Look = self._result(future, part.version)
        except FileError as error:
            hint = error.hint or "workers read and write the same folders as this machine, or a storage"
            raise FileError(f"a worker {error.message}", hint=hint) from None
        return seen

    def room(self) -> int:
        """Return how many tasks more may be submitted: a few wait at the scheduler for whoever is free."""
        return 2 * self._threads + 2 - len(self._busy)

    def submit(self, parts: Sequence[Part]) -> None:
        """Have parts done."""
        numbers = [part.number for part in parts]
        future = self._client.submit(run_packed, numbers, *pack(parts), pure=False)
        self._busy[future.key] = future, parts
        future.add_done_callback(self._done.put)

    def outcomes(self, patience: float) -> list[Outcome]:
        """Return what has been done meanwhile, after at most so many seconds if there is nothing."""
        self._look_around()
        try:
            future = self._done.get(timeout=patience)
        except Empty:
            return []
        _, parts = self._busy.pop(future.key)
        try:
            outcomes: list[Outcome] = self._result(future, parts[0].version)
        except KilledWorker:
            is_passing = len(parts) > 1  # another of them may have ended its workers
            told = f"{LOST}, again and again"
            return [Outcome(part.number, None, f"{part.input.name}: {told}", is_passing) for part in parts]
        return outcomes

    def close(self) -> None:
        """Leave the cluster, which drops what nobody has begun."""
        self._client.close(timeout=_PAUSE)

    def _result(self, future: Any, version: str) -> Any:
        """Return what a worker has returned. Raises what it has raised, and WorkersLostError.

        version: that it must have.
        """
        try:
            return future.result()
        except (BackpropError, KilledWorker):
            raise
        except CancelledError:
            raise self._lost() from None
        except OSError:
            if future.status == "error":  # it is the worker's
                raise
            raise self._lost() from None
        except (ModuleNotFoundError, RuntimeError) as error:
            # Where the scheduler can't read a task, Dask says so in a RuntimeError.
            cause = error.__cause__ or error
            if not isinstance(cause, ModuleNotFoundError):
                raise
            raise PackageError(
                f"the scheduler or a worker at {self._address} has no {cause.name}",
                hint=f"pip install 'backprop_cli[batch]=={version}' on all of them",
            ) from None

    def _look_around(self) -> None:
        """Count the threads of all workers. Raises WorkersLostError where there are none for long."""
        now = time.monotonic()
        if self._client.status not in ("running", "connecting"):
            raise self._lost()
        if now - self._last_look < _PAUSE:
            return
        self._last_look = now
        try:
            threads = self._client.sync(self._client.scheduler.ncores, callback_timeout=_WAIT)
        except (OSError, TimeoutError):
            raise self._lost() from None
        self._threads = sum(threads.values())
        if self._threads:
            self._last_seen = now
        elif now - self._last_seen > _WAIT:
            raise WorkersLostError(f"all workers at {self._address} are lost")

    def _lost(self) -> WorkersLostError:
        return WorkersLostError(f"the scheduler at {self._address} is lost")


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
