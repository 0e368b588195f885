"""Rows of a data set drawn at random: some of each part by whoever does it, and of these some of all.

What is drawn goes by the seed and the numbers of the parts, whoever does them, and when.
"""

from __future__ import annotations

import random
import zlib
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from backprop_cli.batch.sample import Drawn, Sample
from backprop_cli.batch.tally import RowResult, RowStatus, Start
from backprop_cli.console.strict_json import maybe_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backprop_cli.batch.job import Job

_SEEDS = 1_000_000


def seed_of(what: Sequence[str]) -> int:
    """Return a seed that is easy to type, the same for the same."""
    return zlib.crc32("\n".join(what).encode("utf-8", "surrogatepass")) % _SEEDS


def draw_part(job: Job, number: int) -> Sample | None:
    """Return what draws the rows of a part: as many as all might come from it. None where none are drawn."""
    return Sample(job.check, job.seed or 0, str(number)) if job.check else None


def rows_as_json(sample: Sample) -> list[dict[str, Any]]:
    """Return the rows of a part as its record has them, in their order."""
    return [_as_json(row) for row in sorted(sample.rows, key=lambda row: row.number)]


def _as_json(row: Drawn) -> dict[str, Any]:
    result = row.result
    return {
        "row": row.number,
        "point": {name: maybe_number(x) for name, x in row.point.items()},
        "value": maybe_number(result.value),
        "gradients": list(map(maybe_number, result.gradients)),
        "values": list(map(maybe_number, result.values)),
        "status": str(result.status),
    }


def _number(x: float | str | None) -> float | None:
    return None if x is None else float(x)


def _from_json(told: Mapping[str, Any], before: int) -> Drawn:
    """before: how many rows of all there are before those of the part."""
    gradients, values = (list(map(_number, told[name])) for name in ("gradients", "values"))
    result = RowResult(_number(told["value"]), gradients, RowStatus(told["status"]), values=values)
    return Drawn(before + told["row"], {name: float(x) for name, x in told["point"].items()}, result)


def draw_of_all(
    records: Sequence[Mapping[str, Any]],
    read: Callable[[Mapping[str, Any]], Sequence[Mapping[str, Any]]],
    size: int,
    seed: int,
) -> tuple[Sample, list[Start]]:
    """Return rows of all parts, each drawn with the same chance, and where the parts begin.

    records: of the parts, in order.  read: returns the rows that were drawn from one.
    """
    starts, rows = [], 0
    for record in records:
        starts.append(Start(rows, record["name"]))
        rows += record["rows"]
    chance = random.Random(seed)
    places = sorted(chance.sample(range(rows), min(size, rows)))
    sample = Sample(size, seed)
    for record, start in zip(records, starts, strict=True):
        count = bisect_left(places, start.before + record["rows"]) - bisect_left(places, start.before)
        if count:
            sample.rows += [_from_json(told, start.before) for told in chance.sample(read(record), count)]
    return sample, starts
