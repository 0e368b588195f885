"""Formulas of sympy as numbers: rows and sweeps as symbols, to be compared with sympy's own derivatives."""

from __future__ import annotations

from functools import cache

from backprop_cli.operations.op import Namespace, Number
from backprop_cli.operations.special import BEYOND


class SympyNamespace(Namespace):
    """Formulas: sympy expressions in real symbols. Decisions become Piecewise, series polynomials."""

    bits = 64

    def __init__(self) -> None:
        import sympy as s

        self.zero, self.one, self.inf, self.nan = s.S.Zero, s.S.One, s.oo, s.nan
        self.pi, self.ln2, self.ln10 = s.pi, s.log(2), s.log(10)
        self.number = lambda x: x if isinstance(x, s.Basic) else s.Rational(x)
        self.abs, self.sign, self.floor, self.ceil = s.Abs, s.sign, s.floor, s.ceiling
        self.max, self.min, self.exp, self.log, self.sqrt = s.Max, s.Min, s.exp, s.log, s.sqrt
        self.expm1, self.log1p = (lambda x: s.exp(x) - 1), (lambda x: s.log(1 + x))
        self.log2, self.log10 = (lambda x: s.log(x) / s.log(2)), (lambda x: s.log(x) / s.log(10))
        self.cbrt = lambda x: s.sign(x) * s.Abs(x) ** s.Rational(1, 3)
        self.sin, self.cos, self.tan = s.sin, s.cos, s.tan
        self.asin, self.acos, self.atan, self.atan2 = s.asin, s.acos, s.atan, s.atan2
        self.sinh, self.cosh, self.tanh = s.sinh, s.cosh, s.tanh
        self.asinh, self.acosh, self.atanh = s.asinh, s.acosh, s.atanh
        self.erf, self.erfc, self.pow = s.erf, s.erfc, s.Pow
        self.hypot = lambda x, y: s.sqrt(x * x + y * y)
        self.div = self.ratio = lambda x, y: x / y
        self.lt, self.le, self.gt, self.ge = s.Lt, s.Le, s.Gt, s.Ge
        self.eq, self.both = s.Eq, s.And
        self.is_integer = lambda x: s.Eq(s.floor(x), x)
        self.where = lambda condition, x, y: s.Piecewise((x, condition), (y, True))

    def special(self, name: str, *xs: Number) -> Number:
        import sympy as s

        name = name.removesuffix(BEYOND)
        if name == "norminv":
            return s.sqrt(2) * s.erfinv(2 * xs[0] - 1)
        return getattr(s, {"lgamma": "loggamma", "lambertw": "LambertW"}.get(name, name))(*xs)

    def gaussian(self, x: Number, scale: float) -> Number:
        return self.exp(-(x * x) * self.number(scale))


@cache
def sympy_namespace() -> SympyNamespace:
    """Return the namespace of formulas."""
    return SympyNamespace()
