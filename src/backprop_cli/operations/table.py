"""THE TABLE: every operation, one row per primitive, every fact about it in that row.

Values and partials are written against a namespace ``m`` (see ``op``), so one row serves doubles, reals
of many digits, bounds, arrays, registers and formulas alike. Both branches of ``m.where`` are evaluated, so
a row keeps the branch that is not taken harmless by itself: ``expm1(min(x, 0))``, not ``expm1(x)``.

Adding an operation is adding a row to a file of ``rows``. The reader, the sweeps, the check, the engines,
the page and the tests find it here.
"""

from __future__ import annotations

import copyreg
import math

from backprop_cli.operations.op import Op
from backprop_cli.operations.rows.activations import ACTIVATIONS
from backprop_cli.operations.rows.arithmetic import ARITHMETIC
from backprop_cli.operations.rows.circular import CIRCULAR
from backprop_cli.operations.rows.decisions import DECISIONS
from backprop_cli.operations.rows.exponentials import EXPONENTIALS
from backprop_cli.operations.rows.hyperbolic import HYPERBOLIC
from backprop_cli.operations.rows.special import SPECIAL

SUBJECTS: dict[str, tuple[Op, ...]] = {
    "arithmetic": ARITHMETIC,
    "exponentials, logarithms, roots": EXPONENTIALS,
    "circular functions": CIRCULAR,
    "hyperbolic functions": HYPERBOLIC,
    "activations, error functions": ACTIVATIONS,
    "special functions": SPECIAL,
    "absolute values, steps, extremes, decisions": DECISIONS,
}
"""The rows by what they are about."""

TABLE: tuple[Op, ...] = tuple(op for rows in SUBJECTS.values() for op in rows)

OPS: dict[str, Op] = {op.name: op for op in TABLE}
"""Every operation by its name."""

FUNCTIONS: dict[str, Op] = {
    name: op for op in TABLE if not op.infix or op.name == "pow" for name in (op.name, *op.aliases)
}
"""Every operation that is written as a call, by name and by alias."""

CONSTANTS: dict[str, float] = {"pi": math.pi}
"""The predefined constant, which a program may assign or be given all the same."""


def find_row(name: str) -> Op:
    """Return the row of an operation."""
    return OPS[name]


# A row holds functions, which can't be pickled; in what is pickled, its name stands for it.
copyreg.pickle(Op, lambda op: (find_row, (op.name,)))
