"""Where a descent begins of which only the shapes are given: numbers drawn by a seed."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING

from backprop_cli.record import Word

if TYPE_CHECKING:
    from backprop_cli.language.arrays.shapes import Shape


class Init(Word):
    """How numbers are drawn.

    NORMAL: from the standard normal distribution.  XAVIER: a matrix from a normal one of the variance
    2/(rows + columns), what has one axis is 0.  ZEROS: none is.
    """

    NORMAL = "normal"
    XAVIER = "xavier"
    ZEROS = "zeros"


def drawn(init: Init, name: str, shape: Shape, seed: int) -> list[float]:
    """Return the elements of an array, in the order of rows; they don't depend on what else is drawn.

    Source: Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    count = math.prod(shape)
    if init is Init.ZEROS or (init is Init.XAVIER and len(shape) < 2):
        return [0.0] * count
    spread = math.sqrt(2 / (shape[-1] + shape[-2])) if init is Init.XAVIER else 1.0
    random = Random(f"{seed} {name}")
    return [random.gauss(0.0, spread) for _ in range(count)]
