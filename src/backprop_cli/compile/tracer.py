"""Straight-line code: what a row of the operation table does with registers as its numbers.

Equal instructions are one, and laws make the code shorter. Every language that it is written in, for vector
registers, arrays or a browser, is a dictionary over these instructions.
"""

from __future__ import annotations

import operator
from functools import partial
from typing import TYPE_CHECKING

from backprop_cli.compile.laws import Holds, Laws
from backprop_cli.compile.registers import COMMUTATIVE, CONDITIONS, INSTRUCTIONS, Register, is_same
from backprop_cli.operations.doubles import FLOAT, Binary64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from backprop_cli.compile.registers import Operand

_OPERATORS: dict[str, Callable[..., float]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "not": operator.not_,
}


class Tracer(Binary64):
    """The namespace of registers. A number that is known is a float, such a condition True or False.

    holds: what the laws must keep by which the code gets shorter.
    """

    zero, one, inf, nan, pi = 0.0, 1.0, FLOAT.inf, FLOAT.nan, FLOAT.pi
    ln2, ln10 = FLOAT.ln2, FLOAT.ln10

    def __init__(self, holds: Holds = Holds.RANGE) -> None:
        self.registers: list[Register] = []
        self._made: dict[tuple[object, ...], Register] = {}
        self._laws = _LAWS[holds]
        for name in INSTRUCTIONS:
            if not hasattr(type(self), name):
                setattr(self, name, partial(self.apply, name))

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

    def where(self, condition: Operand, x: Operand, y: Operand) -> Operand:
        """Return x where the condition holds, else y."""
        known = condition if isinstance(condition, Register) else bool(condition)
        return self.apply("where", known, x, y)

    def either(self, p: Operand, q: Operand) -> Operand:
        """Tell whether one of two conditions holds, or both."""
        return self.apply("either", p, q)

    def apply(self, name: str, *args: Operand) -> Operand:
        """Return what a function comes to: a number if its arguments are known, else a register."""
        args = tuple([float(arg) if type(arg) is int else arg for arg in args])
        if Register not in map(type, args):
            function = _OPERATORS.get(name) or getattr(FLOAT, name)
            known = function(*args)
            return bool(known) if name in CONDITIONS else known
        if name in COMMUTATIVE and not isinstance(args[0], Register):
            args = args[::-1]
        key = _key(name, args)
        if key in self._made:
            return self._made[key]
        simpler = self._laws.simplify(self, name, args)
        if simpler is None and name == "where":
            simpler = _settled(self, *args)  # type: ignore[arg-type]
        return self._emit(key, name, args) if simpler is None else simpler

    def has(self, name: str, *args: Operand) -> bool:
        """Tell whether there is such an instruction already."""
        return _key(name, args) in self._made

    def emit(self, name: str, *args: Register | float | str) -> Register:
        """Return the register of an instruction, the same one for equal instructions."""
        return self._emit(_key(name, args), name, args)

    def _emit(self, key: tuple[object, ...], name: str, args: tuple[Register | float | str, ...]) -> Register:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = Register(self, len(self.registers), name, args)
            self.registers.append(made)
        return made


_LAWS = {holds: Laws(holds) for holds in Holds}


def _key(name: str, args: Sequence[Register | float | str]) -> tuple[object, ...]:
    """Return what equal instructions have in common."""
    keys = [arg.index if isinstance(arg, Register) else repr(arg) for arg in args]
    # Of equal operands the first is the greatest, which decides on the sign of zero only.
    if name in COMMUTATIVE or name in ("max", "min"):
        keys.sort(key=str)
    return (name, *keys)


def find_live(outputs: Iterable[object]) -> list[Register]:
    """Return the registers that these are made of, themselves included, in order; outputs may be numbers."""
    live: dict[int, Register] = {}
    waiting = [x for x in outputs if isinstance(x, Register)]
    while waiting:
        register = waiting.pop()
        if register.index not in live:
            live[register.index] = register
            waiting += [arg for arg in register.args if isinstance(arg, Register)]
    return [live[index] for index in sorted(live)]


# --------------------------------------------------------------------------------------------------
# Decisions that are settled in a branch

_MOST_STEPS = 8


def _settled(tracer: Tracer, condition: Register, x: Operand, y: Operand) -> Operand | None:
    """Return a decision without those of the same condition in its branches; None if there are none."""
    bare_x = _Branch(tracer, condition, 1).strip(x)
    bare_y = _Branch(tracer, condition, 2).strip(y)
    if bare_x is x and bare_y is y:
        return None
    return tracer.apply("where", condition, bare_x, bare_y)


class _Branch:
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
        if x.name == "column":
            return x
        if x.name == "where" and x.args[0] is self.condition:
            return x.args[self.branch]  # type: ignore[return-value]
        bare = [self.strip(arg, steps - 1) for arg in x.args]  # type: ignore[arg-type]
        if all(map(is_same, bare, x.args)):
            return x
        return self.tracer.apply(x.name, *bare)
