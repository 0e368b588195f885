"""Rules of descent: what is subtracted from the inputs, from the gradient alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOMENTUM = 0.9
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class Rule(Protocol):
    """A rule that may remember the steps before."""

    def step(self, slopes: Mapping[str, float]) -> dict[str, float]:
        """Return what is subtracted from each input."""


class GradientDescent:
    """w = w - rate · ∂C/∂w."""

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def step(self, slopes: Mapping[str, float]) -> dict[str, float]:
        """Return what is subtracted from each input."""
        return {name: self._rate * slope for name, slope in slopes.items()}


class Momentum:
    """v = 0.9·v + ∂C/∂w; w = w - rate · v, as in PyTorch's SGD. The first v is the gradient."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._velocity: dict[str, float] = {}

    def step(self, slopes: Mapping[str, float]) -> dict[str, float]:
        """Return what is subtracted from each input."""
        before = self._velocity
        self._velocity = {
            name: _MOMENTUM * before[name] + slope if before else slope for name, slope in slopes.items()
        }
        return {name: self._rate * speed for name, speed in self._velocity.items()}


class Adam:
    """Kingma & Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1, with its constants."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._count = 0
        self._mean: dict[str, float] = {}
        self._square: dict[str, float] = {}

    def step(self, slopes: Mapping[str, float]) -> dict[str, float]:
        """Return what is subtracted from each input."""
        self._count += 1
        found: dict[str, float] = {}
        for name, slope in slopes.items():
            mean = self._mean[name] = _BETA1 * self._mean.get(name, 0.0) + (1 - _BETA1) * slope
            square = self._square[name] = _BETA2 * self._square.get(name, 0.0) + (1 - _BETA2) * slope * slope
            mean /= 1 - _BETA1**self._count
            square /= 1 - _BETA2**self._count
            found[name] = self._rate * mean / (math.sqrt(square) + _EPSILON)
        return found


RULES: dict[str, Callable[[float], Rule]] = {"gd": GradientDescent, "momentum": Momentum, "adam": Adam}
