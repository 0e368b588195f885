"""Postfix code: what the reader makes of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from backprop_cli.operations.table import CONSTANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from backprop_cli.operations.op import Op

Code = tuple[Any, ...]
"""Postfix code, flat, four entries for a step: a name, a number, or an operation on the last results; how
many of them; its start and its end in the text. A tuple for each step would take three times the memory."""
Step = tuple["Op | str | float", int, int, int]
Span = tuple[int, int]

T = TypeVar("T")


class Statement(NamedTuple):
    """``name = expression``, or a bare expression where name is None.

    start, end: the span of the expression, or of the whole augmented assignment (``c += a``).
    """

    name: str | None
    code: Code
    start: int
    end: int


class Temporary(str):
    """The name of a statement that the program does not have: of an element of a step, or of what is kept."""

    __slots__ = ()


class ArrayStep(NamedTuple):
    """An operation on arrays, whose elements are statements.

    name: by the program, or made up, then a ``Temporary``.  shape: of the result.
    text: how it is written, with the names of its operands.  op: the operation.  backward: what that does to
    the gradient.  first: the place of the statement of its first element.
    """

    name: str
    shape: tuple[int, ...]
    text: str
    op: str
    backward: str
    first: int


def steps(code: Code) -> Iterator[Step]:
    """Return what, arity, start and end of every step."""
    entries = iter(code)
    return zip(entries, entries, entries, entries, strict=True)


def fold(code: Code, leaf: Callable[[str | float, Span], T], apply: Callable[[Op, list[T], Span], T]) -> T:
    """Return what an expression comes to, from its leaves up. No recursion: it may be of any depth.

    leaf(name or number, span): what a leaf comes to.  apply(op, operands, span): what an operation on such
    comes to; it owns the list of operands.
    """
    stack: list[T] = []
    for what, arity, start, end in steps(code):
        if arity:
            operands = stack[-arity:]
            del stack[-arity:]
            stack.append(apply(what, operands, (start, end)))  # type: ignore[arg-type]
        else:
            stack.append(leaf(what, (start, end)))  # type: ignore[arg-type]
    return stack[0]


def names_in(code: Code) -> Iterator[tuple[str, int, int]]:
    """Yield the names that a code uses, with their spans."""
    return ((what, start, end) for what, _, start, end in steps(code) if isinstance(what, str))


def is_constant(code: Code, variables: Container[str]) -> bool:
    """Tell whether the code has no name but the predefined constants that are not variables."""
    for what in code[::4]:
        if isinstance(what, str) and (what not in CONSTANTS or what in variables):
            return False
    return True
