"""Where operations have a value: in words, as a predicate, and as points."""

from __future__ import annotations

import math

from backprop_cli.operations.op import Domain, Point

LINE = (-2.5, -0.75, 0.5, 1.25, 3.0)


def points(*xs: float) -> tuple[Point, ...]:
    """Return points of one coordinate."""
    return tuple((x,) for x in xs)


def always(*_xs: float) -> bool:
    """Tell that every point is in the domain."""
    return True


REAL = Domain("any operand", always, points(*LINE))

REAL2 = Domain("any operands", always, ((2.0, 3.0), (-1.5, 0.25), (0.75, -4.0), (-3.0, -0.5)))

POSITIVE = Domain("an operand > 0", lambda x: x > 0, points(0.25, 0.75, 1.5, 40.0), points(0.0, -1.0))

NOT_ZERO = Domain(
    "an operand other than 0", lambda x: x != 0, points(-2.5, -0.75, 0.5, 1.25, 40.0), points(0.0)
)

BETWEEN_0_AND_1 = Domain(
    "an operand between 0 and 1",
    lambda x: 0 < x < 1,
    points(0.125, 0.25, 0.5, 0.75, 0.9375),
    points(0.0, 1.0, -1.0),
)

NEGATIVE = Domain("an operand < 0", lambda x: x < 0, points(-40.0, -2.5, -0.75, -0.25), points(0.0, 1.0))

LOG_FACTOR = Domain(
    "y > 0, or x = 0 and y = 0",
    lambda x, y: y > 0 or x == y == 0,
    ((2.0, 3.0), (-1.5, 0.25), (0.0, 4.0), (0.75, 40.0)),
    ((1.0, 0.0), (0.0, -1.0), (2.0, -0.5)),
)

NOT_NEGATIVE = Domain(
    "an operand >= 0", lambda x: x >= 0, points(0.25, 0.75, 1.5, 40.0), points(-1e-300, -1.0)
)

UNIT = Domain(
    "an operand from -1 to 1",
    lambda x: -1 <= x <= 1,
    points(-0.9, -0.25, 0.125, 0.75),
    points(-1.5, 1.0000001),
)

OPEN_UNIT = Domain(
    "an operand between -1 and 1",
    lambda x: -1 < x < 1,
    points(-0.9, -0.25, 0.125, 0.75),
    points(-1.0, 1.0, 2.0),
)

ABOVE_ONE = Domain("an operand >= 1", lambda x: x >= 1, points(1.125, 2.0, 50.0), points(0.5, -3.0))

ABOVE_MINUS_ONE = Domain("an operand > -1", lambda x: x > -1, points(-0.75, 0.25, 9.0), points(-1.0, -2.0))

DIVISION = Domain(
    "a divisor other than 0",
    lambda x, y: y != 0,
    ((1.0, 3.0), (-2.0, 0.75), (5.0, -4.0)),
    ((1.0, 0.0), (0.0, 0.0)),
)

POWER = Domain(
    "a base > 0, a base of 0 with an exponent >= 0, or a base < 0 with an integer exponent",
    lambda x, y: x > 0 or (x == 0 and y >= 0) or (x < 0 and y == math.floor(y)),
    ((2.0, 3.0), (0.5, -1.5), (3.0, 0.25), (1.75, 2.0)),
    ((0.0, -1.0), (0.0, -0.5), (-8.0, 1 / 3), (-1.0, 0.5)),
)

BELOW_OVERFLOW = Domain("a result below 1.79769e308", always, points(*LINE))

FLOORED = Domain("any operand", always, points(-2.5, -0.75, 0.5, 1.25))
