"""backprop: value, gradient and cross-check of an expression.

>>> from backprop_cli import gradient
>>> gradient("(a*b + c)*f", a=2, b=3, c=-10, f=5).gradients
{'a': 15.0, 'b': 10.0, 'c': 5.0, 'f': -4.0}
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from backprop_cli.batch.rowwise import compile_rows
    from backprop_cli.batch.tally import STATUSES
    from backprop_cli.calculus.hessian import hessian
    from backprop_cli.calculus.jacobian import jacobian
    from backprop_cli.descent.minimize import minimize
    from backprop_cli.differentiate import gradient
    from backprop_cli.errors import BackpropError, DomainError, InputError, ParseError
    from backprop_cli.fitting.fit import fit
    from backprop_cli.notebook import Explanation as Explanation
    from backprop_cli.notebook import Picture as Picture
    from backprop_cli.notebook import draw_report as draw_report
    from backprop_cli.notebook import explain_report as explain_report
    from backprop_cli.notebook import report_expression as report_expression
    from backprop_cli.notebook import report_html as report_html
    from backprop_cli.notebook import report_latex as report_latex
    from backprop_cli.report import Report
    from backprop_cli.uncertainty.budget import budget

__version__ = "0.1.0"
__all__ = [
    "STATUSES",
    "BackpropError",
    "DomainError",
    "InputError",
    "ParseError",
    "Report",
    "__version__",
    "budget",
    "compile_rows",
    "fit",
    "gradient",
    "hessian",
    "jacobian",
    "minimize",
]

_HOMES = {
    "gradient": "differentiate",
    "hessian": "calculus.hessian",
    "jacobian": "calculus.jacobian",
    "minimize": "descent.minimize",
    "budget": "uncertainty.budget",
    "fit": "fitting.fit",
    "Report": "report",
    "compile_rows": "batch.rowwise",
    "STATUSES": "batch.tally",
    **dict.fromkeys(
        (
            "Explanation",
            "Picture",
            "draw_report",
            "explain_report",
            "report_expression",
            "report_html",
            "report_latex",
        ),
        "notebook",
    ),
    **dict.fromkeys(("BackpropError", "DomainError", "InputError", "ParseError"), "errors"),
}


def __getattr__(name: str) -> object:
    """Load a part of the library when it is first used: ``--version`` and ``--help`` need none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Name the library's parts, also those that are not loaded yet, for who completes names."""
    return sorted({*globals(), *__all__})
