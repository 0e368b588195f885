"""The sides of a law: formulas in letters, which can be held against code."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backprop_cli.compile.registers import Register, is_same

if TYPE_CHECKING:
    from collections.abc import Callable

    from backprop_cli.compile.registers import Code, Operand


class Term(ABC):
    """A side of a law, written as a formula."""

    @abstractmethod
    def may_be(self, kind: str) -> bool:
        """Tell whether an operand of this kind may fit."""

    @abstractmethod
    def fits(self, operand: Operand, found: dict[str, Operand]) -> bool:
        """Tell whether an operand is as the term says; ``found`` gets the operands of its letters."""

    @abstractmethod
    def build(self, code: Code, found: dict[str, Operand]) -> Operand:
        """Return what the term comes to where its letters are these operands."""

    def __add__(self, other: Term | float) -> Term:
        return Apply("add", (self, _term(other)))

    def __sub__(self, other: Term | float) -> Term:
        return Apply("sub", (self, _term(other)))

    def __mul__(self, other: Term | float) -> Term:
        return Apply("mul", (self, _term(other)))

    def __truediv__(self, other: Term | float) -> Term:
        return Apply("div", (self, _term(other)))

    def __rtruediv__(self, other: float) -> Term:
        return Apply("div", (_term(other), self))

    def __pow__(self, other: Term | float) -> Term:
        return Apply("pow", (self, _term(other)))

    def __neg__(self) -> Term:
        return Apply("neg", (self,))


@dataclass(frozen=True)
class Apply(Term):
    """An instruction at terms."""

    name: str
    args: tuple[Term, ...]

    def may_be(self, kind: str) -> bool:
        return kind == self.name

    def fits(self, operand: Operand, found: dict[str, Operand]) -> bool:
        return (
            isinstance(operand, Register) and operand.name == self.name and self.args_fit(operand.args, found)  # type: ignore[arg-type]
        )

    def args_fit(self, operands: tuple[Operand, ...], found: dict[str, Operand]) -> bool:
        """Tell whether the operands of such an instruction are as the term says."""
        for arg, operand in zip(self.args, operands, strict=True):  # noqa: SIM110, twice as fast as all(…)
            if not arg.fits(operand, found):
                return False
        return True

    def build(self, code: Code, found: dict[str, Operand]) -> Operand:
        return code.apply(self.name, *[arg.build(code, found) for arg in self.args])


@dataclass(frozen=True)
class Letter(Term):
    """Any operand, the same one wherever the letter stands; with ``accepts`` only numbers that it does."""

    name: str
    accepts: Callable[[float], bool] | None = None

    def may_be(self, kind: str) -> bool:
        return self.accepts is None or kind == "float"

    def fits(self, operand: Operand, found: dict[str, Operand]) -> bool:
        known = found.setdefault(self.name, operand)
        if known is not operand and not is_same(known, operand):
            return False
        return self.accepts is None or (isinstance(operand, float) and self.accepts(operand))

    def build(self, code: Code, found: dict[str, Operand]) -> Operand:  # noqa: ARG002
        return found[self.name]


@dataclass(frozen=True)
class Known(Term):
    """A number, or a truth value. On the left side zero may have either sign."""

    value: float | bool

    def may_be(self, kind: str) -> bool:
        return kind == type(self.value).__name__

    def fits(self, operand: Operand, found: dict[str, Operand]) -> bool:  # noqa: ARG002
        return type(operand) is type(self.value) and operand == self.value

    def build(self, code: Code, found: dict[str, Operand]) -> Operand:  # noqa: ARG002
        return self.value


def _term(x: Term | float) -> Term:
    return x if isinstance(x, Term) else Known(x)


def call(name: str, *args: Term | float) -> Apply:
    """Return an instruction that has no sign."""
    return Apply(name, tuple(map(_term, args)))
