"""The adjoint graph as a kernel: straight-line code for the value and gradients of many rows.

A row of the operation table is run once with registers as its numbers, and what it does with them is the
code. Rounding may differ from the single-point path here, by a few units in the last place: x² is x·x, and
x/2 is half of x, which lets one exponential serve a sigmoid and its slope.
"""

from __future__ import annotations

import operator
from functools import partial
from math import frexp, isfinite
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.compile.adjoint import Primitive, build_adjoint, evaluate_steps
from backprop_cli.operations.doubles import FLOAT, Binary64

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backprop_cli.compile.adjoint import AdjointGraph
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Number


class Instruction(NamedTuple):
    """A function of a namespace at registers, by their index, and numbers.

    A condition makes a register of truth values, everything else one of doubles.
    """

    name: str
    args: tuple[int | float, ...]


class Kernel(NamedTuple):
    """Straight-line code: the first registers are the columns, each instruction fills the next one.

    outputs: the value, the gradients, and what else was asked for; registers, or numbers that are the same in
    every row.  suspect: the register that tells where a primitive may be at a kink; None if nowhere.
    watch: whether an output may fail to be finite without a floating-point exception.
    """

    columns: tuple[str, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[int | float, ...]
    suspect: int | None
    watch: bool


CONDITIONS = frozenset(("lt", "le", "gt", "ge", "eq", "both", "either", "not"))
"""The instructions that make truth values."""

_FUNCTIONS = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan", "asin", "acos"),
    *("atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "hypot"),
    *("sign", "floor", "ceil"),
)
_OPERATORS: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": FLOAT.div,
    "neg": operator.neg,
    "not": operator.not_,
}


def build_kernel(
    graph: Graph,
    wrt: Sequence[str],
    constants: Mapping[str, float],
    upstream: float = 1.0,
    values: Sequence[int] = (),
) -> Kernel:
    """Return the kernel of a program.

    constants: the inputs that are the same in every row; the others are columns.  wrt, values: see
    ``build_adjoint``. Raises ArithmeticError or ValueError where a constant part of the program has no value.
    """
    adjoint = build_adjoint(graph, wrt, upstream, values)
    tracer = Tracer()
    columns = tuple(name for name in graph.inputs if name not in constants)
    registers = {name: tracer.emit("column", name) for name in columns}
    numbers = evaluate_steps(adjoint, {**constants, **registers}, tracer)
    bars = [adjoint.gradients[name] for name in wrt]
    outputs: list[Number] = [
        numbers[adjoint.value],
        *(0.0 if bar is None or numbers[bar] is None else numbers[bar] for bar in bars),
        *(numbers[node] for node in adjoint.values),
    ]
    suspect = _find_suspects(adjoint, numbers, tracer)
    return _without_dead_code(tracer, columns, outputs, suspect)


def _find_suspects(adjoint: AdjointGraph, numbers: list[Register | float | None], m: Tracer) -> object:
    """Return the condition that some primitive is at a kink, whether or not its gradient is used."""
    suspect: object = False
    for step in adjoint.steps:
        if isinstance(step, Primitive) and step.op.kink is not None:
            fixed = [isinstance(adjoint.steps[x], float) for x in step.operands]
            xs = [numbers[x] for x in step.operands]
            suspect = m.either(suspect, step.op.kink.at(m, xs, fixed))
    return suspect


class Register:
    """A register as a number: what is computed with it is an instruction."""

    __slots__ = ("index", "tracer")

    def __init__(self, tracer: Tracer, index: int) -> None:
        self.tracer, self.index = tracer, index

    def __add__(self, other: Operand) -> Operand:
        return self.tracer.apply("add", self, other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Operand:
        return self.tracer.apply("sub", self, other)

    def __rsub__(self, other: Operand) -> Operand:
        return self.tracer.apply("sub", other, self)

    def __mul__(self, other: Operand) -> Operand:
        return self.tracer.apply("mul", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Operand:
        return self.tracer.apply("div", self, other)

    def __rtruediv__(self, other: Operand) -> Operand:
        return self.tracer.apply("div", other, self)

    def __neg__(self) -> Operand:
        return self.tracer.apply("neg", self)


Operand = Register | float | bool


class Tracer(Binary64):
    """The namespace of registers. A number that is known is a float, such a condition True or False."""

    zero, one, inf, nan, pi = 0.0, 1.0, FLOAT.inf, FLOAT.nan, FLOAT.pi
    ln2, ln10 = FLOAT.ln2, FLOAT.ln10

    def __init__(self) -> None:
        self.code: list[tuple[str, tuple[Register | float | str, ...]]] = []
        self._made: dict[object, Register] = {}
        for name in (*_FUNCTIONS, "abs", "where", "pow", "lt", "le", "gt", "ge", "eq", "both", "either"):
            setattr(self, name, partial(self.apply, name))
        self.div = self.ratio = partial(self.apply, "div")
        self._rules: dict[str, Callable[..., Operand | None]] = {
            "add": self._add,
            "sub": self._subtract,
            "mul": self._multiply,
            "div": self._divide,
            "neg": self._negate,
            "abs": self._absolute,
            "where": self._choose,
            "pow": self._power,
            "both": self._both,
            "either": self._either,
        }

    def number(self, x: Operand) -> Operand:
        """Return x itself."""
        return x

    def max(self, *xs: Operand) -> Operand:
        """Return the greatest of the operands."""
        return self._fold("max", xs)

    def min(self, *xs: Operand) -> Operand:
        """Return the least of the operands."""
        return self._fold("min", xs)

    def _fold(self, name: str, xs: Sequence[Operand]) -> Operand:
        best = xs[0]
        for x in xs[1:]:
            best = self.apply(name, best, x)
        return best

    def is_integer(self, x: Operand) -> Operand:
        """Tell whether a number is whole."""
        return self.apply("eq", x, self.apply("floor", x))

    def apply(self, name: str, *args: Operand) -> Operand:
        """Return what a function comes to: a number if its arguments are known, else a register."""
        args = tuple(float(arg) if type(arg) is int else arg for arg in args)
        if not any(isinstance(arg, Register) for arg in args):
            function = _OPERATORS.get(name) or getattr(FLOAT, name)
            known = function(*args)
            return bool(known) if name in CONDITIONS else known
        rule = self._rules.get(name)
        simpler = rule(*args) if rule is not None else None
        return self.emit(name, *args) if simpler is None else simpler

    def emit(self, name: str, *args: Register | float | str) -> Register:
        """Return the register of an instruction, the same one for equal instructions."""
        key = _key(name, args)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = Register(self, len(self.code))
            self.code.append((name, args))
        return made

    def _is(self, x: object, name: str) -> bool:
        return isinstance(x, Register) and self.code[x.index][0] == name

    def _args(self, x: Operand) -> tuple[Operand, ...]:
        assert isinstance(x, Register)
        return self.code[x.index][1]  # type: ignore[return-value]

    # Each rule returns what an instruction comes to more simply, or None. Zeros may come out with the other
    # sign: those of an adjoint show nowhere.

    def _add(self, a: Operand, b: Operand) -> Operand | None:
        if a is b:
            return self.apply("mul", a, 2.0)
        for x, y in ((a, b), (b, a)):
            if y == 0.0:
                return x
            if self._is(y, "neg"):
                return self.apply("sub", x, *self._args(y))
        if self._is(a, "where") and self._is(b, "where"):
            condition, *ones = self._args(a)
            other, *twos = self._args(b)
            if condition is other and all(0.0 in pair for pair in zip(ones, twos, strict=True)):
                return self.apply("where", condition, *map(operator.add, ones, twos))
        return None

    def _subtract(self, a: Operand, b: Operand) -> Operand | None:
        if b == 0.0:
            return a
        return self.apply("add", a, *self._args(b)) if self._is(b, "neg") else None

    def _multiply(self, a: Operand, b: Operand) -> Operand | None:
        for x, y in ((a, b), (b, a)):
            if isinstance(y, float):
                simpler = self._scale(x, y)
                return self.emit("mul", x, y) if simpler is None else simpler
        for x, y in ((a, b), (b, a)):
            if self._is(y, "where"):
                condition, *branches = self._args(y)
                if sorted(map(repr, branches)) == ["0.0", "1.0"]:
                    taken, other = ((x, 0.0), (0.0, x))[branches[0] == 0.0]
                    return self.apply("where", condition, taken, other)
        return None

    def _scale(self, x: Operand, factor: float) -> Operand | None:
        if factor == 1.0:
            return x
        if factor == -1.0:
            return self.apply("neg", x)
        if self._is(x, "neg"):
            return self.apply("mul", *self._args(x), -factor)
        if self._is(x, "mul"):
            y, inner = self._args(x)
            if isinstance(inner, float) and _is_power_of_two(inner) and isfinite(inner * factor):
                return self.apply("mul", y, inner * factor)
        if self._is(x, "where"):
            condition, a, b = self._args(x)
            if isinstance(a, float) and isinstance(b, float):
                return self.apply("where", condition, a * factor, b * factor)
        return None

    def _divide(self, a: Operand, b: Operand) -> Operand | None:
        if isinstance(b, float) and _is_power_of_two(b):
            return self.apply("mul", a, 1 / b)
        # The reciprocal is there for the slopes of a quotient; a product with it is five times as fast.
        known = self._made.get(_key("div", (1.0, b)))
        return None if known is None else self.apply("mul", a, known)

    def _negate(self, x: Operand) -> Operand | None:
        if self._is(x, "neg"):
            return self._args(x)[0]
        if self._is(x, "sub"):
            return self.apply("sub", *reversed(self._args(x)))
        if self._is(x, "mul"):
            y, factor = self._args(x)
            if isinstance(factor, float):
                return self.apply("mul", y, -factor)
        return None

    def _absolute(self, x: Operand) -> Operand | None:
        if self._is(x, "neg"):
            return self.apply("abs", *self._args(x))
        if self._is(x, "mul"):
            y, factor = self._args(x)
            if isinstance(factor, float):
                return self.apply("mul", self.apply("abs", y), abs(factor))
        return x if self._is(x, "abs") else None

    def _power(self, x: Operand, y: Operand) -> Operand | None:
        # Products of up to three factors are right to 1.5 ulp; a power costs ten times as much.
        match y:
            case 0.0:
                return 1.0
            case 1.0:
                return x
            case 2.0:
                return self.apply("mul", x, x)
            case 3.0:
                return self.apply("mul", self.apply("mul", x, x), x)
            case 4.0:
                return self._power(self.apply("mul", x, x), 2.0)
            case 0.5:
                return self.apply("sqrt", x)
            case -0.5 | -1.0 | -2.0:
                return self.apply("div", 1.0, self.apply("pow", x, -y))
        return None

    def _both(self, p: Operand, q: Operand) -> Operand | None:
        for known, other in ((p, q), (q, p)):
            if not isinstance(known, Register):
                return other if known else False
        return None

    def _either(self, p: Operand, q: Operand) -> Operand | None:
        if p is q:
            return p
        for known, other in ((p, q), (q, p)):
            if not isinstance(known, Register):
                return True if known else other
        return None

    def _choose(self, condition: Operand, a: Operand, b: Operand) -> Operand | None:
        if not isinstance(condition, Register):
            return a if condition else b
        if isinstance(a, bool):
            if a:
                return self.apply("either", condition, b)
            return self.apply("both", self.apply("not", condition), b)
        if a is b or (isinstance(a, float) and a == b):
            return a
        bare_a = _Unguarded(self, condition, 1).strip(a)
        bare_b = _Unguarded(self, condition, 2).strip(b)
        if bare_a is not a or bare_b is not b:
            return self.apply("where", condition, bare_a, bare_b)
        if a == 0.0 and self._is(condition, "eq"):
            x, zero = self._args(condition)
            if zero == 0.0 and self._vanishes(b, x):
                return b
        return None

    def _vanishes(self, y: Operand, x: Operand) -> bool:
        """Tell whether y is a multiple of x or of a power of it, so that 0 comes out of 0."""
        if y is x:
            return True
        if not self._is(y, "mul"):
            return False
        a, b = self._args(y)
        return self._vanishes(a, x) and (self._vanishes(b, x) or isinstance(b, float))


_MOST_STEPS = 8


class _Unguarded:
    """Takes decisions out of a branch, on the condition that leads to it: they are settled there.

    In rows where another branch is taken it may then have no value, and set a floating-point flag.
    """

    def __init__(self, tracer: Tracer, condition: Register, branch: int) -> None:
        self.tracer, self.condition, self.branch = tracer, condition, branch
        self.done: dict[int, Operand] = {}

    def strip(self, x: Operand, steps: int = _MOST_STEPS) -> Operand:
        """Return an operand without such decisions in the last few steps to it."""
        if not isinstance(x, Register) or steps == 0:
            return x
        if x.index not in self.done:
            self.done[x.index] = self._strip(x, steps)
        return self.done[x.index]

    def _strip(self, x: Register, steps: int) -> Operand:
        name, args = self.tracer.code[x.index]
        if name == "column":
            return x
        if name == "where" and args[0] is self.condition:
            return args[self.branch]  # type: ignore[return-value]
        bare = [self.strip(arg, steps - 1) for arg in args]  # type: ignore[arg-type]
        changed = any(new is not old for new, old in zip(bare, args, strict=True))
        return self.tracer.apply(name, *bare) if changed else x


def _key(name: str, args: Sequence[Register | float | str]) -> tuple[object, ...]:
    """Return what equal instructions have in common. The text of a number tells 0.0 from -0.0."""
    keys = [arg.index if isinstance(arg, Register) else repr(arg) for arg in args]
    if name in ("add", "mul", "max", "min", "eq", "both", "either"):
        keys.sort(key=str)
    return (name, *keys)


def _is_power_of_two(x: float) -> bool:
    return isfinite(x) and abs(frexp(x)[0]) == 0.5 and 1e-100 < abs(x) < 1e100


def _without_dead_code(
    tracer: Tracer, columns: tuple[str, ...], outputs: Sequence[Operand], suspect: object
) -> Kernel:
    code = tracer.code
    is_live = bytearray([1] * len(columns)) + bytearray(len(code) - len(columns))
    for register in (*outputs, suspect):
        if isinstance(register, Register):
            is_live[register.index] = 1
    for index in range(len(code) - 1, len(columns) - 1, -1):
        if is_live[index]:
            for arg in code[index][1]:
                if isinstance(arg, Register):
                    is_live[arg.index] = 1
    live = [index for index, flag in enumerate(is_live) if flag]
    place = {index: position for position, index in enumerate(live)}

    def moved(operand: object) -> int | float:
        return place[operand.index] if isinstance(operand, Register) else float(operand)  # type: ignore[arg-type]

    instructions = tuple(
        Instruction(code[index][0], tuple(map(moved, code[index][1]))) for index in live[len(columns) :]
    )
    numbers = [x for step in instructions for x in step.args if isinstance(x, float)]
    watch = not all(map(isfinite, (*numbers, *(x for x in outputs if isinstance(x, float)))))
    return Kernel(
        columns,
        instructions,
        tuple(map(moved, outputs)),
        place[suspect.index] if isinstance(suspect, Register) else None,
        watch,
    )
