"""How far a run over the parts of a data set is: on a terminal as it goes, elsewhere once a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from backprop_cli.console.progress import Progress
from backprop_cli.render.datasets import render_progress, render_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.console.output import Output
    from backprop_cli.datasets.part import Outcome, Part

_MINUTE = 60.0


class PartsProgress:
    """Counts the parts that are done, and tells of them. parts: all that are to do."""

    def __init__(self, output: Output, parts: Sequence[Part]) -> None:
        self._output = output
        self._parts = len(parts)
        self._bytes = sum(part.input.size for part in parts)
        self._done = self._failed = self._rows = self._read = 0
        self._begun = self._last = time.monotonic()
        self._line = Progress(output.environment, self._bytes, "bytes", is_alone=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._line.__exit__(*error)  # type: ignore[arg-type]

    def advance(self, part: Part, outcome: Outcome) -> None:
        """Count a part that is done, or will not be."""
        self._done += 1
        self._failed += outcome.record is None
        self._rows += outcome.record["rows"] if outcome.record else 0
        self._read += part.input.size
        self._line.note = self._told()
        self._line.advance(part.input.size)

    def wait(self) -> None:
        """Tell how far it is, where no terminal shows it and a minute has passed."""
        now = time.monotonic()
        if now - self._last >= _MINUTE and not self._output.environment.tells_terminal:
            self._last = now
            share = render_share(self._read, self._bytes, now - self._begun)
            self._output.remark(f"{self._told()}: {share}")

    def _told(self) -> str:
        return render_progress(self._done - self._failed, self._parts, self._rows, self._failed)
