"""Sums of the bits that were written: they are the same however the rows were divided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.engines.results import Results
    from backprop_cli.batch.frames.frame import Frame
    from backprop_cli.batch.frames.write import Writer


class TotallingWriter:
    """Writes as another does, and adds up the 64-bit patterns of each column of results, mod 2**64.

    A number that does not exist counts as 0, and a status by its place in the list of these.
    """

    def __init__(self, writer: Writer, columns: Sequence[str]) -> None:
        self._writer = writer
        self._sums = dict.fromkeys(columns, 0)

    @property
    def lost(self) -> set[str]:
        """The keys of later rows that had to be left out."""
        return self._writer.lost

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame."""
        for name, numbers in zip(self._sums, results.numbers(), strict=False):
            bits = np.ascontiguousarray(numbers).view(np.uint64)
            gaps = np.isnan(numbers)
            if gaps.any():
                bits = bits[~gaps]
            self._sums[name] += int(bits.sum(dtype=np.uint64))
        self._sums[list(self._sums)[-1]] += int(results.status.sum(dtype=np.uint64))
        self._writer.write(frame, results)

    def as_hex(self) -> dict[str, str]:
        """Return the sums as 16 digits each."""
        return {name: f"{total % 2**64:016x}" for name, total in self._sums.items()}

    def close(self) -> None:
        """Write what stands at the end."""
        self._writer.close()

    def let_go(self) -> None:
        """Let go of what it holds, whether all was written or not."""
        self._writer.let_go()
