"""The records of curves. Plain data: rendering only reads them."""

from __future__ import annotations

from backprop_cli.record import Record


class Sample(Record):
    """A point of a curve. value, slope (∂output/∂input): None where there is none."""

    x: float
    value: float | None
    slope: float | None


class Break(Record):
    """A short stretch over which a curve is not proved smooth, and that it leaves otherwise than it comes.

    left, right: the curve at its ends, as near to each other as was looked.  is_continuous: whether there
    certainly is no jump, no pole and no missing value within.
    """

    left: Sample
    right: Sample
    is_continuous: bool


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
