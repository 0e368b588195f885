"""What a row of the table holds, and what it may call.

A row is written against a namespace ``m``: ``+ - *`` are the operators of the numbers themselves, and
everything else is a function of ``m``. ``m.div`` is the division of a program: dividing by zero has no value.
``m.ratio`` is the division inside a derivative: 1/0 is a slope of infinity.

Doubles one by one are in ``doubles``, reals of many digits in ``reals``, bounds in ``bounded``, formulas in
``symbols``, one-sided series in ``series``; arrays are in ``batch/engines``, registers and nodes of a graph
in ``compile``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Partial = Callable[..., "Number"]
Point = tuple[float, ...]
X, XY = ("x",), ("x", "y")
"""The usual names of operands."""


def each(*rules: Partial) -> Callable[[Sequence[bool]], tuple[Partial, ...]]:
    """Return the partials that have one rule per operand, whichever operands are constants."""
    return lambda _fixed: rules


class Domain(NamedTuple):
    """Where a primitive has a value: in words that follow "needs", as a predicate, and as points."""

    words: str
    contains: Callable[..., bool]
    inside: tuple[Point, ...]
    outside: tuple[Point, ...] = ()


class Kink(NamedTuple):
    """Where a primitive is not differentiable, and what is returned there.

    at(m, xs, fixed) tells whether the point is one, as a condition of m, or False where it never is;
    ``fixed`` marks the operands that are constants, in whose direction nobody differentiates.
    convention: the derivative used there, and its reason.  points: some such points.  breaks: whether the
    value may jump there, or be missing on a side: that counts where no slope passes, too (floor(sign(x))).
    """

    at: Callable[[Namespace, Sequence[Number], Sequence[bool]], Number]
    convention: str
    points: tuple[Point, ...]
    breaks: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Op:
    """One primitive y = f(x₁ … xₙ) and all we know of it, written against a namespace m."""

    name: str
    args: tuple[str, ...]
    """Names of the operands in the texts below."""
    value: Callable[..., Number]
    """value(m, *xs) -> y"""
    partials: Callable[[Sequence[bool]], tuple[Partial, ...]]
    """partials(fixed)[argnum](m, y, *xs) -> ∂y/∂x; may reuse the result y. ``fixed`` marks the operands that
    are constants, on which the convention at a tie depends; most rows have ``each`` of their rules."""
    symbolic: Callable[..., Any]
    """symbolic(sympy, *xs): the definition from elementary functions, from which sympy derives."""
    domain: Domain
    backward: str
    """One sentence: what the operation does to the gradient that arrives."""
    derivatives: tuple[str, ...]
    """∂y/∂x per operand, in the language of programs."""
    steepest: float | None = None
    """No slope of a function of one operand is larger than this in size, if there is such a bound."""
    mistaken: tuple[tuple[str, ...], ...] = ()
    """What people who learn take for ∂y/∂x, per operand, in the language of programs."""
    at_once: Callable[[Namespace, Number, Sequence[Number], Sequence[bool]], Sequence[Number]] | None = None
    """at_once(m, y, xs, fixed) -> all partials, where each by itself looks at all operands."""
    cancels: tuple[str, ...] = ()
    """Per operand, if the terms of the derivative cancel where it crosses zero: the size of the larger term,
    in the language of programs. The derivative is within 4 ulp of itself or of this, whichever is larger."""
    value_cancels: str = ""
    """The same of the value: the size of the larger term, if the terms of the value cancel."""
    latex: str = ""
    """The formula, with #1, #2 … for the operands; left out, it is the name as a function's."""
    aliases: tuple[str, ...] = ()
    infix: str = ""
    """The operator with its spaces, where the operation is written as one."""
    sympy_class: str = ""
    """The class of sympy that is this function, if there is one."""
    kink: Kink | None = None
    variadic: bool = False
    """Two or more operands, not just as many as args."""
    commutative: bool = False
    """The operands may change places."""
    condition: bool = False
    """The result is a condition, which only ``where`` accepts."""
    exact: bool = False
    """The partials involve no rounding."""
    composite: bool = False
    """The value is a formula of several roundings, not one function of Python's."""
    special: bool = False
    """Made of ``m.special``, which single points have; not the engines of batch, the page and exports."""
    orders: int = 0
    """How many of the first operands are whole numbers that nobody differentiates by."""
    piecewise: bool = False
    """``symbolic`` is made of sympy's Piecewise."""
    cuts: Literal["", "always", "beside constants"] = ""
    """When a partial of zero means that the operand is cut off, not that it is zero here:
    a closed gate lets nothing through, not even zero times infinity. "beside constants": when all other
    operands are constants (0*x)."""
    takes_condition: bool = False
    """The first operand is a condition."""
    reads: Callable[[Namespace, Sequence[Number]], tuple[Number, ...]] | None = None
    """reads(m, xs) -> per operand the condition that the value at xs is made of it; None if it always is.
    An operand that decides which ones are read is itself one of them. It may be NaN."""
    case: Callable[[Sequence[float], Sequence[str]], str] | None = None
    """case(xs, terms) -> which case of the backward step holds at xs; terms: the operands as text."""
    arity: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arity", len(self.args))
        object.__setattr__(self, "latex", self.latex or self._call_latex())

    def _call_latex(self) -> str:
        name = self.name.replace("_", r"\_")
        return f"\\operatorname{{{name}}}({', '.join(f'#{i + 1}' for i in range(len(self.args)))})"

    def partial(
        self, m: Namespace, argnum: int, y: Number, xs: Sequence[Number], fixed: Sequence[bool]
    ) -> Number:
        """Return ∂y/∂x of operand ``argnum`` at xs, where y is the value."""
        return self.partials(fixed)[argnum](m, y, *xs)

    def read(self, m: Namespace, xs: Sequence[Number]) -> tuple[Number, ...]:
        """Return for each operand the condition that the value at xs is made of it."""
        return (True,) * len(xs) if self.reads is None else self.reads(m, xs)

    def cuts_off(self, partial: Number, fixed: Sequence[bool]) -> bool:
        """Tell whether an operand with this partial is cut off from the output."""
        return self.cuts != "" and not partial and (self.cuts == "always" or sum(fixed) == len(fixed) - 1)

    def write(self, operands: Sequence[str]) -> str:
        """Return the operation on the operands as text: "a*b", "sigmoid(z)"."""
        if self.infix:
            return self.infix.join(operands) if len(operands) > 1 else self.infix + operands[0]
        return f"{self.name}({', '.join(operands)})"


Number = Any  # float, mpf, sympy.Expr: whatever the namespace works on


class Namespace:
    """What a row may call. Subclasses give the functions; the composite ones have a definition here."""

    decides = True
    """Whether what is asked of a number is answered; where it is not, code is made for both answers."""

    zero: Number
    one: Number
    inf: Number
    nan: Number
    pi: Number
    ln2: Number
    ln10: Number

    bits: int
    """The bits that a number carries: how far a series must go."""

    abs: Callable[[Number], Number]
    sign: Callable[[Number], Number]
    floor: Callable[[Number], Number]
    ceil: Callable[[Number], Number]
    max: Callable[..., Number]
    min: Callable[..., Number]
    exp: Callable[[Number], Number]
    expm1: Callable[[Number], Number]
    log: Callable[[Number], Number]
    log1p: Callable[[Number], Number]
    log2: Callable[[Number], Number]
    log10: Callable[[Number], Number]
    sqrt: Callable[[Number], Number]
    cbrt: Callable[[Number], Number]
    sin: Callable[[Number], Number]
    cos: Callable[[Number], Number]
    tan: Callable[[Number], Number]
    asin: Callable[[Number], Number]
    acos: Callable[[Number], Number]
    atan: Callable[[Number], Number]
    atan2: Callable[[Number, Number], Number]
    sinh: Callable[[Number], Number]
    cosh: Callable[[Number], Number]
    tanh: Callable[[Number], Number]
    asinh: Callable[[Number], Number]
    acosh: Callable[[Number], Number]
    atanh: Callable[[Number], Number]
    erf: Callable[[Number], Number]
    erfc: Callable[[Number], Number]
    hypot: Callable[[Number, Number], Number]
    pow: Callable[[Number, Number], Number]
    div: Callable[[Number, Number], Number]
    ratio: Callable[[Number, Number], Number]
    lt: Callable[[Number, Number], Number]
    le: Callable[[Number, Number], Number]
    gt: Callable[[Number, Number], Number]
    ge: Callable[[Number, Number], Number]
    eq: Callable[[Number, Number], Number]
    both: Callable[[Number, Number], Number]
    is_integer: Callable[[Number], Number]
    where: Callable[[Number, Number, Number], Number]
    number: Callable[[float], Number]

    def either(self, p: Number, q: Number) -> Number:
        """Tell whether one of two conditions holds, or both."""
        return self.where(p, True, q)

    def special(self, name: str, *xs: Number) -> Number:
        """Return a function that is asked of mpmath; see ``reals``. Namespaces of code have none."""
        raise NotImplementedError(name)

    def difference(self, x: Number, y: Number) -> tuple[Number, Number]:
        """Return x - y, and what its rounding left out."""
        return x - y, self.zero

    def gaussian(self, x: Number, scale: float) -> Number:
        """Return exp(-scale·x²), for a scale of 1 or 1/2."""
        return self.exp(-(x * x) * scale)

    def normal_cdf(self, x: Number) -> Number:
        """Return the probability that a standard normal variable is below x."""
        return self.erfc(-x / self.sqrt(self.number(2.0))) / 2

    def shifted_pow(self, x: Number, y: Number) -> Number:
        """Return x**(y - 1)."""
        return self.pow(x, y - 1)

    def inverse_cbrt_squared(self, x: Number) -> Number:
        """Return |x|**(-2/3), for x other than 0."""
        root = self.cbrt(x)
        return self.one / (root * root)

    def power_slope(self, x: Number, y: Number) -> Number:
        """Return y·x**(y - 1), at x = 0 for y >= 1."""
        return y * self.shifted_pow(x, y)

    def over_norm(self, part: Number, x: Number, y: Number, norm: Number) -> Number:  # noqa: ARG002
        """Return part/sqrt(x² + y²), where that norm is known."""
        return part / norm

    def over_square(self, part: Number, x: Number, y: Number) -> Number:
        """Return part/(x² + y²)."""
        return self.ratio(part, x * x + y * y)

    def value(self, op: Op, xs: Sequence[Number]) -> Number:
        """Evaluate one primitive. Raises ArithmeticError or ValueError where it has no value."""
        return op.value(self, *xs)

    def plain_value(self, op: Op) -> Callable[..., Number] | None:  # noqa: ARG002
        """Return the value of a primitive as a function where ``value`` only calls it, None elsewhere."""
        return None

    def partial(self, op: Op, argnum: int, y: Number, xs: Sequence[Number], fixed: Sequence[bool]) -> Number:
        """Return ∂y/∂x of one primitive at y = f(xs). ``fixed`` marks the operands that are constants."""
        return op.partial(self, argnum, y, xs, fixed)

    def partials(
        self, op: Op, y: Number, xs: Sequence[Number], fixed: Sequence[bool]
    ) -> Sequence[Number | None]:
        """Return all partials of one primitive, None by constants."""
        if op.at_once is None:
            return [None if f else self.partial(op, argnum, y, xs, fixed) for argnum, f in enumerate(fixed)]
        slopes = op.at_once(self, y, xs, fixed)
        return [None if f else slope for slope, f in zip(slopes, fixed, strict=True)]

    def calls_plainly(self, op: Op) -> bool:  # noqa: ARG002
        """Tell whether ``partial`` does no more for a primitive than call its rule."""
        return False
