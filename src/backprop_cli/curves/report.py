"""The records of curves. Plain data: rendering only reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sample(Record):
    """A point of a curve. value, slope (∂output/∂input): None where there is none."""

    x: float
    value: float | None
    slope: float | None


class Break(Record):
    """A short stretch over which a curve is not proved smooth, and that it leaves otherwise than it comes.

    left, right: the curve at its ends, as near to each other as was looked.  is_continuous: whether there
    certainly is no jump, no pole and no missing value within.  hole: where it leaves as it comes, a place
    within that has no value.
    """

    left: Sample
    right: Sample
    is_continuous: bool
    hole: float | None = None


class Curve(Record):
    """A program over a range of one input.

    output: id of the output node.  fixed: the other inputs.  samples: in order, the ends of all breaks
    among them; between two neighbours the curve is proved smooth, or its ends are the same to the eye, or
    there is a break.  is_whole: whether all of the range was looked into; else breaks may be as wide as
    the stretches at first.  tangent: the point where one is asked for.
    """

    program: str
    output: str
    name: str
    low: float
    high: float
    fixed: dict[str, float]
    samples: tuple[Sample, ...]
    breaks: tuple[Break, ...]
    is_whole: bool
    tangent: Sample | None = None
    read_as: str = ""


class Field(Record):
    """A program over a rectangle of two inputs.

    output: id of the output node.  names: of the input that goes across, and of that which goes up.
    fixed: the other inputs.  xs, ys: the grid.  values: a row for each y, None where there is none.
    goes_on: a row for each cell between two ys: whether there certainly are values in all of it, without a
    jump.
    """

    program: str
    output: str
    names: tuple[str, str]
    fixed: dict[str, float]
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    goes_on: tuple[tuple[bool, ...], ...]
    read_as: str = ""

    def points(self) -> Iterator[tuple[float, float, float]]:
        """Yield every point of the grid that has a value, with that."""
        for y, row in zip(self.ys, self.values, strict=True):
            for x, value in zip(self.xs, row, strict=True):
                if value is not None:
                    yield x, y, value
