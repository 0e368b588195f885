"""Registers of a program that has doubles alone: of a browser's, and of one that is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.compile.laws import Holds
from backprop_cli.compile.tracer import Tracer

if TYPE_CHECKING:
    from backprop_cli.compile.registers import Operand


class Scaled(Tracer):
    """Registers that scale numbers where doubles overflow or underflow on the way.

    FLOAT goes over to reals of many digits there, which such a program lacks.
    """

    def __init__(self) -> None:
        super().__init__(Holds.BITS)

    def is_finite(self, x: Operand) -> Operand:
        """Tell whether a number is neither infinite nor NaN."""
        return self.apply("lt", self.apply("abs", x), self.inf)

    def power_slope(self, x: Operand, y: Operand) -> Operand:
        """Return y·x^(y-1), as y·x^y/x where that power overflows first, or loses the exponent's digits."""
        slope: Operand = super().power_slope(x, y)
        if isinstance(y, float) and abs(y) >= 1.0:
            return slope  # the greater factor is that power of x: where it overflows, so does the slope
        one_less = y - 1.0
        is_exact = self.both(self.eq(one_less + 1.0, y), self.eq(y - one_less, 1.0))
        may_help = self.both(self.is_finite(y), self.either(self.is_finite(x), is_exact))
        is_lost = self.where(self.is_finite(slope), False, may_help)
        return self.where(is_lost, y * self.pow(x, y) / x, slope)

    def over_norm(self, part: Operand, x: Operand, y: Operand, norm: Operand) -> Operand:
        """Return part / √(x² + y²), of numbers made smaller by the larger of x and y."""
        size = self.max(self.abs(x), self.abs(y))
        scaled = part / size / self.hypot(x / size, y / size)
        return self.where(self.is_finite(scaled), scaled, part / norm)

    def over_square(self, part: Operand, x: Operand, y: Operand) -> Operand:
        """Return part / (x² + y²), of numbers made smaller by the larger of x and y."""
        size = self.max(self.abs(x), self.abs(y))
        u, v = x / size, y / size
        plain = super().over_square(part, x, y)
        return self.where(self.is_finite(size), part / size / (u * u + v * v) / size, plain)
