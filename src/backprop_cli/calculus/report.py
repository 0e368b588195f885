"""The records of second order. Plain data: rendering only reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.record import Record, Word

if TYPE_CHECKING:
    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.report import Check, Outcome


class Kind(Word):
    """What a point is. NONE: no critical point.  OPEN: one, but second derivatives don't decide."""

    MINIMUM = "minimum"
    MAXIMUM = "maximum"
    SADDLE = "saddle"
    OPEN = "undecided: singular"
    NONE = "none"


class Entry(Record):
    """One second derivative.

    value: the nearest double; NaN where it does not exist or is not known, then with the reason.
    digits: how many of it are right, 16 for all; None where they were not counted.  text: up to 50 digits,
    those that are certain.  within: where it is 0 as far as all digits tell, the bound, as text.
    at_kink: an input is on a path to a kink, or to a point where the second derivative jumps.
    left, right: there, on the diagonal, the second derivative on each side; None where there is no value
    on that side, NaN where it is not known.
    formula: sympy's.  status: what the comparison with it came to, or why there was none.
    """

    value: float
    status: Outcome
    reason: str = ""
    digits: int | None = None
    text: str | None = None
    within: str = ""
    at_kink: bool = False
    left: float | None = None
    right: float | None = None
    formula: str | None = None


class Critical(Record):
    """What the point is, or the critical point that is nearest.

    point, distance: where it is, if it is not the given one, and how far from that: the largest difference.
    is_proved: whether it is proved that there is one, and of this kind.
    """

    kind: Kind
    point: dict[str, float] | None = None
    distance: float = 0.0
    is_proved: bool = False


class HessianReport(Record):
    """Value, gradient and second derivatives of a program at a point.

    entries: input -> input -> entry, both triangles; what is left out is 0 wherever the program has a value.
    names: the inputs that the matrix is by, in order.  eigenvalues: in ascending order; None where there are
    none to be had, then with why.  critical: None where it was not asked.
    along: a direction; product: the Hessian times it; bend: the second derivative along it.
    numbers: what the entries were computed in.
    has_matrix: whether there are entries; a large program with a direction has the product alone.
    third: inputs in order -> the third derivative by them, where these were asked for.
    """

    program: str
    inputs: dict[str, float]
    output: str
    value: float
    upstream: float
    gradients: dict[str, float]
    names: tuple[str, ...]
    entries: dict[str, dict[str, Entry]]
    status: Outcome
    numbers: str
    eigenvalues: tuple[float, ...] | None = None
    no_eigenvalues: str = ""
    critical: Critical | None = None
    along: dict[str, float] | None = None
    product: dict[str, float] | None = None
    bend: float | None = None
    third: dict[tuple[str, ...], Entry] | None = None
    has_matrix: bool = True
    warnings: tuple[Diagnostic, ...] = ()
    read_as: str = ""


class Elasticity(Record):
    """Relative derivatives by one input; None where there is none to be had, as at a value or gradient of 0.

    value: by how many percent the value moves with one percent of the input, to first order.
    condition: by how many percent, at most, the gradient moves with one percent of every input.
    """

    value: float | None
    condition: float | None


class JacobianReport(Record):
    """Several outputs of a program and their gradients.

    names: the inputs that they are by.  values: output -> its value.
    jacobian: output -> input -> ∂output/∂input.
    checks: output -> the check of its gradients.
    forward: how many sweeps forward the derivatives are from.  swept_back: the outputs whose own are from a
    reverse sweep.
    """

    program: str
    inputs: dict[str, float]
    names: tuple[str, ...]
    values: dict[str, float]
    jacobian: dict[str, dict[str, float]]
    checks: dict[str, Check]
    forward: int
    swept_back: tuple[str, ...]
    status: Outcome
    warnings: tuple[Diagnostic, ...] = ()
    read_as: str = ""
