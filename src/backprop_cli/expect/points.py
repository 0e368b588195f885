"""Further points at which a claim is tried."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# How far away, in turn, and from what: 0, whatever the given point is; or the given number, relative to it.
# Numbers about 1 are where functions differ: far out exp(x) + 1 is exp(x), and tanh(x) is sigmoid(x).
_REACH = ((3.0, "0"), (1.0, "it"), (1.0, "0"), (0.3, "it"), (10.0, "0"), (2.0, "it"), (0.01, "it"))


def further_points(point: Mapping[str, float], seed: int) -> Iterator[dict[str, float]]:
    """Yield points other than the given one without end, the same ones for the same seed.

    Around 0 they come in pairs of opposite signs, so that a claim about one branch or one sign is put to the
    test; some are near the given point, so that a narrow domain is met. The numbers are short, to be read and
    typed.
    """
    chance = random.Random(seed)
    while True:
        for reach, center in _REACH:
            steps = {name: reach * chance.uniform(-1, 1) for name in point}
            # One input in four stays, so that a claim which needs x < 0 and an integer n is met too.
            stays = {name for name in point if chance.random() < 0.25 and len(point) > 1}
            for sign in (1, -1) if center == "0" else (1,):
                moved = {}
                for name, x in point.items():
                    origin, size = (0.0, sign) if center == "0" else (x, abs(x) or 1.0)
                    moved[name] = x if name in stays else float(f"{origin + size * steps[name]:.4g}")
                yield moved


def nearby_points(point: Mapping[str, float], seed: int) -> Iterator[dict[str, float]]:
    """Yield points so close to the given one that no kink lies between, as a rule, and yet apart."""
    chance = random.Random(seed)
    while True:
        yield {name: x + 1e-3 * (abs(x) or 1.0) * chance.uniform(-1, 1) for name, x in point.items()}
