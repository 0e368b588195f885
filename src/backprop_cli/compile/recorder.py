"""The namespace whose numbers are nodes of a graph under construction."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Namespace, Op
from backprop_cli.operations.special import BEYOND
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.operations.op import Number


class Primitive(NamedTuple):
    """A primitive at its operands."""

    op: Op
    operands: tuple[int, ...]


class Pullback(NamedTuple):
    """The adjoint ``bar`` times the partial by one operand of a primitive with the value y at xs."""

    op: Op
    argnum: int
    bar: int
    y: int
    xs: tuple[int, ...]
    fixed: tuple[bool, ...]

    @property
    def operands(self) -> tuple[int, ...]:
        """Return the nodes that it is made of."""
        return (self.bar, self.y, *self.xs)


Definition = Primitive | Pullback | str | float
"""What a node is; an input is its name, a constant its number."""


class Node:
    """A node as a number: what is computed with it is a primitive. number: of a constant."""

    __slots__ = ("index", "number", "recorder")

    def __init__(self, recorder: Recorder, index: int, number: float | None) -> None:
        self.recorder, self.index, self.number = recorder, index, number

    def __add__(self, other: Node | float) -> Node:
        return self.recorder.apply("add", self, other)

    __radd__ = __add__

    def __sub__(self, other: Node | float) -> Node:
        return self.recorder.apply("sub", self, other)

    def __rsub__(self, other: float) -> Node:
        return self.recorder.apply("sub", other, self)

    def __mul__(self, other: Node | float | PendingPartial) -> Node:
        return self.recorder.multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Node | float) -> Node:
        return self.recorder.apply("div", self, other)

    def __rtruediv__(self, other: float) -> Node:
        return self.recorder.apply("div", other, self)

    def __neg__(self) -> Node:
        return self.recorder.apply("neg", self)


class PendingPartial(NamedTuple):
    """A partial that takes computing; it becomes a pullback when it meets its adjoint."""

    op: Op
    argnum: int
    y: int
    xs: tuple[int, ...]
    fixed: tuple[bool, ...]


Condition = Callable[["Number", "Number"], "Number"]
"""In a graph a condition is what a ``where`` does: condition(x, y) is x where it holds, else y."""


class Recorder(Namespace):
    """What a row computes is recorded as primitives.

    in_primitives: partials are recorded too; else they stay whole.
    as_nodes: whether those that stay whole are nodes: what an adjoint of 1 is pulled back to.
    """

    decides = False
    zero, one, inf, bits = 0.0, 1.0, FLOAT.inf, FLOAT.bits
    ln2, ln10 = FLOAT.ln2, FLOAT.ln10

    def __init__(self, *, in_primitives: bool = False, as_nodes: bool = False) -> None:
        self.definitions: list[Definition] = []
        self._in_primitives = in_primitives
        self._as_nodes = as_nodes
        self._nodes: dict[object, Node] = {}
        self.pi: Node = self.node(FLOAT.pi)
        self.nan: Node = self.node(FLOAT.nan)
        for name in Namespace.__annotations__.keys() & OPS.keys():
            if not hasattr(type(self), name):
                setattr(self, name, partial(self.apply, name))
        self.lt, self.le, self.gt, self.ge = (
            partial(self._compare, name) for name in ("lt", "le", "gt", "ge")
        )

    def node(self, definition: Definition) -> Node:
        """Return the node of a definition, which is made if it is not there yet."""
        # 0.0 and -0.0 are equal, and so are 1 and True: the text tells them apart.
        key = (float, repr(definition)) if isinstance(definition, float) else definition
        node = self._nodes.get(key)
        if node is None:
            number = definition if isinstance(definition, float) else None
            node = self._nodes[key] = Node(self, len(self.definitions), number)
            self.definitions.append(definition)
        return node

    def number(self, x: Node | float) -> Node:
        """Return the node of a number."""
        return x if isinstance(x, Node) else self.node(float(x))

    def value(self, op: Op, xs: Sequence[Node]) -> Node:
        """Return a primitive at its operands; its value if they are constants."""
        numbers = [x.number for x in xs if x.number is not None]
        if len(numbers) == len(xs):
            return self.node(_value_of_constants(op, numbers))
        return self.node(Primitive(op, tuple(x.index for x in xs)))

    def apply(self, name: str, *xs: Node | float) -> Node:
        """Return a primitive of the table at its operands."""
        return self.value(OPS[name], [self.number(x) for x in xs])

    def special(self, name: str, *xs: Node | float) -> Node:
        """Return a special function, which is a row of the table by its own name."""
        return self.apply(name.removesuffix(BEYOND), *xs)

    def multiply(self, x: Node, factor: Node | float | PendingPartial) -> Node:
        """Return a product; that of an adjoint and a partial that takes computing is a pullback."""
        if isinstance(factor, PendingPartial):
            return self.node(Pullback(factor.op, factor.argnum, x.index, factor.y, factor.xs, factor.fixed))
        y = self.number(factor)
        if y.number == 1.0:
            return x
        if x.number == 1.0:
            return y
        return -x if y.number == -1.0 else self.apply("mul", x, y)

    def partial(
        self, op: Op, argnum: int, y: Node, xs: Sequence[Node], fixed: Sequence[bool]
    ) -> Node | float | PendingPartial:
        """Return a partial: a number or a node if it takes no computing or is to be recorded."""
        known = _known_partial(op, argnum, tuple(fixed))
        if isinstance(known, float):
            return known
        if known is not None:
            return _as_number((y, *xs)[known])
        if self._in_primitives:
            return _as_number(op.partial(self, argnum, y, xs, fixed))
        pending = PendingPartial(op, argnum, y.index, tuple(x.index for x in xs), tuple(fixed))
        return self.multiply(self.node(1.0), pending) if self._as_nodes else pending

    def partials(
        self, op: Op, y: Node, xs: Sequence[Node], fixed: Sequence[bool]
    ) -> Sequence[Node | float | PendingPartial | None]:
        """Return each partial by itself: it is recorded as one."""
        return [None if f else self.partial(op, argnum, y, xs, fixed) for argnum, f in enumerate(fixed)]

    # Decisions

    def _compare(self, name: str, x: Node | float, y: Node | float) -> Condition | bool:
        return self._condition(self.apply(name, x, y))

    def _condition(self, node: Node) -> Condition | bool:
        if node.number is not None:
            return bool(node.number)
        return lambda x, y: self.apply("where", node, x, y)

    def eq(self, x: Node | float, y: Node | float) -> Condition | bool:
        """Tell whether two numbers are equal: neither is below the other."""
        return self.both(self.le(x, y), self.ge(x, y))

    def both(self, p: Condition | bool, q: Condition | bool) -> Condition | bool:
        """Tell whether two conditions hold."""
        if isinstance(p, bool):
            return p and q
        return lambda x, y: p(self.where(q, x, y), y)

    def either(self, p: Condition | bool, q: Condition | bool) -> Condition | bool:
        """Tell whether one of two conditions holds, or both."""
        if isinstance(p, bool):
            return p or q
        return lambda x, y: p(x, self.where(q, x, y))

    def is_integer(self, x: Node | float) -> Condition | bool:
        """Tell whether a number is whole."""
        return self.eq(x, self.apply("floor", x))

    def where(self, condition: Node | Condition | bool, x: Number, y: Number) -> Number:
        """Return x where the condition holds, else y."""
        if isinstance(condition, Node):
            condition = self._condition(condition)
        if isinstance(condition, bool):
            return x if condition else y
        return condition(x, y)

    def ratio(self, x: Node | float, y: Node | float) -> Node:
        """Return a quotient. In a graph one by zero has no value."""
        return self.apply("div", x, y)


def _value_of_constants(op: Op, numbers: Sequence[float]) -> float:
    try:
        return float(FLOAT.value(op, numbers))
    except (ArithmeticError, ValueError):
        return math.nan


def _as_number(x: Node | float) -> Node | float:
    """Return the number of a constant, so that a partial of zero is seen to be one."""
    return x.number if isinstance(x, Node) and x.number is not None else x


@cache
def _known_partial(op: Op, argnum: int, fixed: tuple[bool, ...]) -> float | int | None:
    """Return a partial that takes no computing: a number, or its place in (y, *xs); None for others."""
    scratch = Recorder()
    y, *xs = leaves = [scratch.node(f"operand {place}") for place in range(len(fixed) + 1)]
    found = op.partial(scratch, argnum, y, xs, fixed)
    if isinstance(found, Node):
        return leaves.index(found) if found in leaves else found.number
    return float(found)
