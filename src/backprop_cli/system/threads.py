"""Work on a sequence in threads, in order."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
R = TypeVar("R")


def count_workers() -> int:
    """Return how many threads may run at a time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared_pool() -> ThreadPoolExecutor:
    """Return the threads of this process, as many as may run at a time. A forked process has its own."""
    return _pool_of(os.getpid())


@cache
def _pool_of(_process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count_workers())


def map_ahead(function: Callable[[T], R], items: Iterable[T], ahead: int) -> Iterator[tuple[T, R]]:
    """Yield each item with what the function makes of it, in order.

    ahead: how many items are taken and computed, in threads, before the first is waited for; 0 for none, so
    that each is done before the next is asked for.
    """
    if not ahead:
        for item in items:
            yield item, function(item)
        return
    pool = ThreadPoolExecutor(ahead)
    waiting: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_ahead(items: Iterable[T], ahead: int) -> Iterator[T]:
    """Yield the items, of which a thread of their own gets some ahead of when they are asked for."""
    iterator = iter(items)
    end = object()
    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(next, iterator, end) for _ in range(ahead))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, iterator, end))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(cancel_futures=True)
