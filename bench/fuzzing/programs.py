"""Random programs with their points: a graph made from the leaves up, and the same as text."""

from __future__ import annotations

import math
import random
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from backprop_cli.operations.op import Op
from backprop_cli.operations.table import TABLE
from fuzzing.functions import DOUBLES

Leaf = str | float
"""The name of an input, "pi", or a number."""


class Node(NamedTuple):
    """A node: op is "input", "number" or an operation of the table; leaf is for the first two."""

    op: str
    operands: tuple[int, ...] = ()
    leaf: Leaf = 0.0


class Disguise(NamedTuple):
    """Another way to write x, the same near a point. text: with x in it.  holds: at which points."""

    text: str
    holds: Callable[[float], bool]


DISGUISES = (
    Disguise("(sqrt(x)^2)", lambda x: x > 0),
    Disguise("(sqrt(x^2))", lambda x: 0 < x < 1e150),
    Disguise("(exp(log(x)))", lambda x: x > 0),
    Disguise("(log(exp(x)))", lambda x: abs(x) < 700),
    Disguise("(x/3*3)", lambda _: True),
    Disguise("(x*3-2*x)", lambda x: abs(x) < 1e300),
    Disguise("(x + 0.7 - 0.7)", lambda _: True),
    Disguise("(1/(1/x))", lambda x: 1e-300 < abs(x) < 1e300),
    Disguise("(cbrt(x)^3)", lambda x: x != 0),
    Disguise("(tan(atan(x)))", lambda _: True),
    Disguise("((x^2 - 1)/(x + 1) + 1)", lambda x: x != -1 and abs(x) < 1e150),
)


@dataclass(frozen=True)
class Program:
    """A program at a point.

    nodes: in topological order, output last.  point: input -> value.
    names: node -> the name of its statement.  disguises: input -> how it is written, where it is not x
    itself; what is true of the program stays.
    """

    nodes: tuple[Node, ...]
    point: dict[str, float]
    names: dict[int, str] = field(default_factory=dict)
    upstream: float = 1.0
    disguises: dict[str, Disguise] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The program in the language."""
        texts: list[str] = []
        statements = []
        for i, node in enumerate(self.nodes):
            text = _written(node, [texts[x] for x in node.operands])
            if node.op == "input" and node.leaf in self.disguises:
                text = re.sub(r"\bx\b", text, self.disguises[text].text)
            if i in self.names:
                statements.append(f"{self.names[i]} = {text}")
                text = self.names[i]
            texts.append(text)
        if len(self.nodes) - 1 not in self.names:
            statements.append(texts[-1])
        return "; ".join(_unwrapped(statement) for statement in statements)

    @property
    def command(self) -> str:
        """The command that computes this."""
        values = [f"{name}={x!r}" for name, x in self.point.items()]
        more = [] if self.upstream == 1 else ["--upstream", repr(self.upstream)]
        return shlex.join(["backprop", "grad", self.text, *values, *more])


INFIX = {op.name: op.infix.strip() for op in TABLE if op.infix}


def _written(node: Node, operands: Sequence[str]) -> str:
    if node.op == "input":
        return str(node.leaf)
    if node.op == "number":
        text = node.leaf if isinstance(node.leaf, str) else _number(node.leaf)
        return f"({text})" if text.startswith("-") else text
    sign = INFIX.get(node.op)
    if sign is None:
        return f"{node.op}({', '.join(map(_unwrapped, operands))})"
    return f"({sign}{operands[0]})" if len(operands) == 1 else f"({operands[0]}{sign}{operands[1]})"


def _number(x: float) -> str:
    return repr(int(x)) if x.is_integer() and abs(x) < 1e6 else repr(x)


def _unwrapped(text: str) -> str:
    """Return a text without the parentheses around the whole of it."""
    name, equals, right = text.partition(" = ")
    if equals:
        return f"{name} = {_unwrapped(right)}"
    depth = 0
    for i, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0 and i < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


# ---- doubles ----


def double(op: str, xs: Sequence[float | None]) -> float | None:
    """Return what Python computes; None where it computes nothing, or in several roundings."""
    if op == "where":
        return None if xs[0] is None else xs[1] if xs[0] else xs[2]
    if op not in DOUBLES or None in xs:
        return None
    try:
        y = DOUBLES[op](*xs)
    except (ArithmeticError, ValueError):
        return None
    return y if math.isfinite(y) else None


def doubles(program: Program) -> list[float | None]:
    """Return the value of every node as Python computes it; see ``double``."""
    values: list[float | None] = []
    for node in program.nodes:
        if node.op == "input":
            name = str(node.leaf)
            values.append(None if name in program.disguises else program.point[name])
        elif node.op == "number":
            values.append(math.pi if isinstance(node.leaf, str) else node.leaf)
        else:
            values.append(double(node.op, [values[x] for x in node.operands]))
    return values


# ---- random ----

_SPECIAL = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, 10.0, 1.5, 0.25, 4.0, 100.0, -3.0)
_ODD = (math.nextafter(1, 2), math.nextafter(1, 0), 1 / 3, 0.1, 20.0, 40.0, 710.0, 1e-8, 1e8, 1e16)
_FAR = (1e-160, 1e160, 1e-300, 1e300, 5e-324, 2.3e-308, 1e-70, 1e-200, 1e200, 1e-30)
_EXPONENTS = (2.0, 3.0, 0.5, -1.0, 1.0, 0.0, 1.5, -2.0, 1 / 3, 4.0)
_NAMES = ("x", "y", "z", "w")
_STEPS = ("e", "d", "L", "t", "u", "v", "s")
# Special functions have no balls to be held against; tests/test_bounded.py holds them against 200 digits.
_FUNCTIONS = tuple(op for op in TABLE if not op.infix and op.name != "where" and not op.special)
_INFIX = tuple(op for op in TABLE if op.infix and not op.condition)
_CONDITIONS = tuple(op for op in TABLE if op.condition)


def a_number(rng: random.Random, far: float) -> float:
    """Return a number. far: how often it is a very large or small one."""
    kind = rng.random()
    if kind < far:
        if rng.random() < 0.5:
            return rng.choice(_FAR) * rng.choice((1, 1, -1, 3))
        return rng.choice((1, -1)) * 10 ** rng.uniform(-300, 300)
    if kind < far + (1 - far) * 0.4:
        return rng.choice(_SPECIAL)
    if kind < far + (1 - far) * 0.5:
        return rng.choice(_ODD)
    if kind < far + (1 - far) * 0.6:
        return math.pi * rng.choice((0.5, 1, -1, 2, 0.25, 1.5))
    return round(rng.uniform(-3, 3), rng.choice((1, 2, 17)))


class _Maker:
    """Makes one random program, from the leaves up."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.far = rng.choice((0.0, 0.0, 0.0, 0.3, 0.8))
        self.nodes: list[Node] = []
        self.values: list[float | None] = []
        self.point: dict[str, float] = {}
        self.dependent: set[int] = set()

    def make(self) -> Program:
        rng = self.rng
        for name in _NAMES[: rng.choice((1, 1, 2, 2, 3))]:
            # Equal inputs tie and cancel.
            again = self.point and rng.random() < 0.2
            self.point[name] = rng.choice(list(self.point.values())) if again else a_number(rng, self.far)
            self._add(Node("input", leaf=name))
        for _ in range(rng.choice((1, 2, 2, 3, 4, 5, 7, 10))):
            self._grow()
        upstream = rng.choice((10.0, -2.5, 1e-3)) if rng.random() < 0.1 else 1.0
        return named(pruned(Program(tuple(self.nodes), self.point, upstream=upstream)), rng)

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        xs = [self.values[x] for x in node.operands]
        leaf = self.point[str(node.leaf)] if node.op == "input" else node.leaf
        value = leaf if node.op in ("input", "number") else double(node.op, xs)
        self.values.append(math.pi if isinstance(value, str) else value)
        if node.op == "input" or not self.dependent.isdisjoint(node.operands):
            self.dependent.add(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def _grow(self) -> None:
        """Add an operation, most often one that has a value."""
        for _ in range(4):
            op = self._choose()
            operands = self._operands(op)
            known = op.name not in DOUBLES or double(op.name, [self.values[x] for x in operands]) is not None
            if known or self.rng.random() < 0.1:
                break
        if self.dependent.isdisjoint(operands):
            operands = (*operands[:-1], self._usable()[-1])
        self._add(Node(op.name, operands))

    def _choose(self) -> Op:
        kind = self.rng.random()
        if kind < 0.45:
            return self.rng.choice(_INFIX)
        return self.rng.choice(_FUNCTIONS) if kind < 0.95 else next(op for op in TABLE if op.name == "where")

    def _operands(self, op: Op) -> tuple[int, ...]:
        rng = self.rng
        if op.name == "where":
            condition = self._add(Node(rng.choice(_CONDITIONS).name, (self._operand(), self._operand())))
            return (condition, self._operand(), self._operand())
        if op.name == "pow" and rng.random() < 0.7:
            return (self._operand(), self._add(Node("number", leaf=rng.choice(_EXPONENTS))))
        if op.name in ("add", "sub") and rng.random() < 0.2:
            return self._near()
        count = op.arity + (op.variadic and rng.random() < 0.3)
        return tuple(self._operand() for _ in range(count))

    def _operand(self) -> int:
        rng = self.rng
        if rng.random() < 0.18:
            leaf: Leaf = "pi" if rng.random() < 0.05 else a_number(rng, self.far)
            return self._add(Node("number", leaf=leaf))
        usable = self._usable()
        # What was made last is used most, so that programs are deep.
        return usable[-1] if rng.random() < 0.5 else rng.choice(usable)

    def _usable(self) -> list[int]:
        hidden = {op.name for op in _CONDITIONS}
        return [i for i, node in enumerate(self.nodes) if node.op not in hidden and i in self.dependent]

    def _near(self) -> tuple[int, int]:
        """Return two operands of nearly the same value: they cancel."""
        known = [i for i in self._usable() if self.values[i]]
        if len(known) < 2:
            return (self._operand(), self._operand())
        first = self.rng.choice(known)
        size = abs(self.values[first] or 0)
        rest = [i for i in known if i != first]
        return (first, min(rest, key=lambda i: abs(abs(self.values[i] or 0) - size)))


def pruned(program: Program) -> Program:
    """Return a program without the nodes and inputs that its output does not use."""
    used = {len(program.nodes) - 1}
    for i in range(len(program.nodes) - 1, -1, -1):
        if i in used:
            used.update(program.nodes[i].operands)
    place = {old: new for new, old in enumerate(sorted(used))}
    nodes = tuple(
        program.nodes[i]._replace(operands=tuple(place[x] for x in program.nodes[i].operands)) for i in place
    )
    read = {node.leaf for node in nodes if node.op == "input"}
    point = {name: x for name, x in program.point.items() if name in read}
    names = {place[i]: name for i, name in program.names.items() if i in place}
    disguises = {name: d for name, d in program.disguises.items() if name in point and d.holds(point[name])}
    return Program(nodes, point, names, program.upstream, disguises)


def named(program: Program, rng: random.Random) -> Program:
    """Return a program with names for some steps, among them names that were used before."""
    names: dict[int, str] = {}
    conditions = {op.name for op in _CONDITIONS}
    dependent = _dependent(program)
    fresh = iter(_STEPS)
    for i, node in enumerate(program.nodes):
        uses = sum(x == i for later in program.nodes for x in later.operands)
        if i not in dependent or node.op in ("input", *conditions):
            continue
        if rng.random() < (0.7 if uses > 1 else 0.2):
            free = [name for name in (*program.point, *names.values()) if _is_free(program, names, i, name)]
            name = rng.choice(free) if free and rng.random() < 0.3 else next(fresh, None)
            if name is None:
                break
            names[i] = name
    return replace(program, names=names)


def _dependent(program: Program) -> set[int]:
    """Return the nodes that depend on an input: a name that is first given a constant is an input itself."""
    dependent: set[int] = set()
    for i, node in enumerate(program.nodes):
        if node.op == "input" or not dependent.isdisjoint(node.operands):
            dependent.add(i)
    return dependent


def _is_free(program: Program, names: dict[int, str], at: int, name: str) -> bool:
    """Tell whether nothing behind node ``at`` is written with the name."""
    holders = [i for i in range(at) if names.get(i) == name or program.nodes[i].leaf == name]
    return all(_last_use(program, names, i) <= at for i in holders)


def _last_use(program: Program, names: dict[int, str], node: int) -> int:
    """Return the node in whose statement a node is written last."""
    # A step without a name is written where it is used.
    return max(
        (
            i if i in names else _last_use(program, names, i)
            for i in range(node + 1, len(program.nodes))
            if node in program.nodes[i].operands
        ),
        default=node,
    )


def programs(seed: int) -> Iterator[Program]:
    """Yield random programs without end."""
    for number in range(2**60):
        yield _Maker(random.Random(f"{seed}/{number}")).make()


def disguised(program: Program, seed: str) -> Program:
    """Return a program whose inputs are written in another way, which doubles round."""
    rng = random.Random(seed)
    disguises = {}
    for name, x in program.point.items():
        held = [disguise for disguise in DISGUISES if disguise.holds(x)]
        if held and rng.random() < 0.8:
            disguises[name] = rng.choice(held)
    return replace(program, disguises=disguises)
