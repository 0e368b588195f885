"""Registers: the results of instructions, as numbers that a row of the operation table can compute with."""

from __future__ import annotations

from typing import Protocol

from backprop_cli.operations.op import Namespace

CONDITIONS = frozenset(("lt", "le", "gt", "ge", "eq", "both", "either", "not"))
"""The instructions that make truth values; all others make doubles."""

INSTRUCTIONS = (
    *("add", "sub", "mul", "neg", "not", "either"),
    *(
        name
        for name, kind in Namespace.__annotations__.items()
        if kind.startswith("Callable") and name not in ("number", "is_integer")
    ),
)
"""What a language must be able to write: operators, and what a row may call."""

COMMUTATIVE = frozenset(("add", "mul", "eq", "both", "either"))
"""The instructions whose two operands may change places."""


class Code(Protocol):
    """Code that is being written."""

    def apply(self, name: str, *args: Operand) -> Operand:
        """Return what a function comes to: a number if its arguments are known, else a register."""

    def has(self, name: str, *args: Operand) -> bool:
        """Tell whether there is such an instruction already."""


class Register:
    """A register as a number: what is computed with it is an instruction.

    index: its place in the code.  name, args: the instruction; a column has its name as argument.
    """

    __slots__ = ("args", "code", "index", "name")

    def __init__(self, code: Code, index: int, name: str, args: tuple[Register | float | str, ...]) -> None:
        self.code, self.index, self.name, self.args = code, index, name, args

    def __add__(self, other: Operand) -> Operand:
        return self.code.apply("add", self, other)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Operand:
        return self.code.apply("sub", self, other)

    def __rsub__(self, other: Operand) -> Operand:
        return self.code.apply("sub", other, self)

    def __mul__(self, other: Operand) -> Operand:
        return self.code.apply("mul", self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Operand:
        return self.code.apply("div", self, other)

    def __rtruediv__(self, other: Operand) -> Operand:
        return self.code.apply("div", other, self)

    def __neg__(self) -> Operand:
        return self.code.apply("neg", self)


Operand = Register | float | bool


def kind(operand: Operand) -> str:
    """Return the instruction of a register, and the type of what is known."""
    return operand.name if isinstance(operand, Register) else type(operand).__name__


def is_same(x: Operand | str, y: Operand | str) -> bool:
    """Tell whether two operands are one. The text of a number tells 0.0 from -0.0."""
    return x is y or (isinstance(x, float) and repr(x) == repr(y))
