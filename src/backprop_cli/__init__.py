"""backprop: value, gradient and cross-check of an expression.

>>> from backprop_cli import gradient
>>> gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5).gradients
{'a': 15.0, 'b': 10.0, 'c': 5.0, 'f': -4.0}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import BackpropError, DomainError, InputError, ParseError

if TYPE_CHECKING:
    from backprop_cli.differentiate import gradient
    from backprop_cli.report import Report

__version__ = "0.1.0"
__all__ = [
    "BackpropError",
    "DomainError",
    "InputError",
    "ParseError",
    "Report",
    "__version__",
    "gradient",
]


def __getattr__(name: str) -> object:
    """Load the library when it is first used: ``--version`` and ``--help`` need none of it."""
    if name == "gradient":
        from backprop_cli.differentiate import gradient

        return gradient
    if name == "Report":
        from backprop_cli.report import Report

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
