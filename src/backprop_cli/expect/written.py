"""How far a number that a person wrote is meant: 3.14 within two decimals, 3 exactly."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.expect.expectations import Expectation

_WITH_POINT = re.compile(r"[-+]?\s*(\d[\d_]*\.\d*|\.\d+)(e[-+]?\d{1,3})?", re.IGNORECASE)
# Of 0.125, both 0.12 and 0.13 are roundings: the bound is met though doubles round on the way.
_ROUNDING = 1 + 1e-9


def half_unit(expectation: Expectation) -> float:
    """Return half a unit of the last decimal that is written; 0 for a whole number and for a formula."""
    text = expectation.formula
    if expectation.number is None or not _WITH_POINT.fullmatch(text):
        return 0.0
    exponent = Decimal(text.replace(" ", "")).as_tuple().exponent
    return 0.5 * _ROUNDING * float(Decimal(10) ** int(exponent))
