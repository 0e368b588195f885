"""What is told of rows: the summary of what went wrong, and of the sample that was checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.batch.tally import place_of
from backprop_cli.batch.writers import FEW_TOLD
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from backprop_cli.batch.sample import Comparison
    from backprop_cli.batch.tally import Occurrence, Start, Tally


def render_summary(tally: Tally, lost: Collection[str] = (), starts: Sequence[Start] = ()) -> list[str]:
    """Return the lines that tell which rows are not ok, at a kink or in doubt, and which keys were lost.

    starts: the files that the rows are of, () for a single one.
    """
    lines = []
    faults = tally.faults()
    if faults:
        count = sum(met.rows for met in faults.values())
        told = ", ".join(f"{met.rows:,} {status} ({_which(met, starts)})" for status, met in faults.items())
        lines.append(f"{count:,} of {_rows(tally.rows)} {_are(count)} not ok: {told}")
        lines += [f"  row {place_of(met.first[0], starts)}: {met.message}" for met in faults.values()]
    if met := tally.met.get("kink"):
        lines.append(f"{_rows(met.rows)} {_are(met.rows)} at a kink ({_which(met, starts)})")
    if met := tally.met.get("overflow"):
        lines.append(
            f"{_rows(met.rows)} {_are(met.rows)} computed from a value that overflows, "
            f"and may be wrong ({_which(met, starts)})"
        )
    if met := tally.met.get("cut"):
        lines.append(f"{_rows(met.rows)} {_are(met.rows)} not kept whole ({_which(met, starts)})")
    if lost:
        lines.append(f"keys of later rows could not be kept: {listing(sorted(lost))}")
    return lines


def render_check(rows: int, seed: int, found: Comparison, *, strict: bool = False) -> list[str]:
    """Return the lines that tell how the rows that were computed once more came out.

    strict: whether those that are not confirmed are told.
    """
    told = f"checked {found.checked:,} of {_rows(rows)} with sympy (--seed {seed}): "
    lines = [told + _outcome(found), *_first(found.differences)]
    if found.poor:
        count = len(found.poor)
        lines += [f"{count:,} of these {'has' if count == 1 else 'have'} few right digits"]
    lines += _first(found.poor)
    if strict and found.unconfirmed:
        count = len(found.unconfirmed)
        lines += [f"{count:,} of these {'is' if count == 1 else 'are'} not confirmed"]
        lines += _first(found.unconfirmed)
    return lines


def _outcome(found: Comparison) -> str:
    count = len(found.differences)
    if count:
        return "1 differs" if count == 1 else f"{count:,} differ"
    skipped = len(found.uncompared)
    if skipped == found.checked:
        return "there is nothing to compare"
    return f"all agree; in {skipped:,} of them there is nothing to compare" if skipped else "all agree"


def _first(told: Sequence[str]) -> list[str]:
    more = len(told) - FEW_TOLD
    return [*(f"  {line}" for line in told[:FEW_TOLD]), *([f"  and {more:,} more"] if more > 0 else [])]


def _which(met: Occurrence, starts: Sequence[Start]) -> str:
    numbers = [place_of(row, starts) for row in met.first]
    if met.rows == 1:
        return f"row {numbers[0]}"
    more = met.rows - len(numbers)
    return f"rows {', '.join(numbers)} and {more:,} more" if more else f"rows {listing(numbers)}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
