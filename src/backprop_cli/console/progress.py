"""How far a long run is, on standard error."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TextIO

    from rich.progress import Progress as Display

    from backprop_cli.console.environment import Environment

# Short runs show nothing, and drawing takes no part of a long one that counts.
_PATIENCE, _PAUSE = 1.0, 0.1


class Progress:
    """A line that shows how many of ``total`` units are done; how many at all, where the total is None.

    It appears if the work takes longer than a second, standard error is a terminal, and standard output,
    which would write across it, is not. It is gone when the work is done.
    is_alone: whether nothing is written to standard output meanwhile.
    note: what is told of what is done, beside how much of all it is.
    """

    def __init__(
        self, environment: Environment, total: int | None, unit: str, *, is_alone: bool = False
    ) -> None:
        self.total = total
        self.unit = unit
        self.done = 0
        self.note = ""
        self._display: Display | None = None
        is_seen = environment.tells_terminal if is_alone else environment.shows_progress
        self._stream = environment.stderr if is_seen else None
        self._next = time.monotonic() + _PATIENCE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display is not None:
            self._display.stop()

    def advance(self, n: int) -> None:
        """Count n units more as done."""
        if self._stream is None:
            return
        self.done += n
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE
            self._draw(self._stream)

    def _draw(self, stream: TextIO) -> None:
        if self._display is None:
            self._display = _start_display(stream, self.total, self.unit, self.note)
        task = self._display.task_ids[0]
        self._display.update(task, completed=self.done, description=self.note, refresh=True)


def _start_display(stream: TextIO, total: int | None, unit: str, note: str) -> Display:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    known = (BarColumn(), TaskProgressColumn(), TextColumn("time left"), TimeLeft())
    noted = (
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        TimeLeft(),
        TextColumn("left"),
    )
    unknown = (TextColumn(f"{{task.completed:,.0f}} {unit}"), TimeElapsedColumn())
    display = Progress(
        *(unknown if total is None else noted if note else known),
        console=Console(file=stream, no_color=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    display.add_task(note, total=total)
    display.start()
    return display
