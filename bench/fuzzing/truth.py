"""What is true of a program: its value, and the slopes on both sides of every input."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from fuzzing.balls import DIGITS, Ball, NoValueError, UnsureError, ball, digits, magnitude, mp, pi
from fuzzing.functions import RULES, SingularError, build_operation
from fuzzing.programs import Program

Trouble = (UnsureError, SingularError, NoValueError, OverflowError, MemoryError)


# They choose, or turn a sign: doubles do not round there.
_UNROUNDED = {
    "input",
    "number",
    "neg",
    "abs",
    "sign",
    "floor",
    "ceil",
    "max",
    "min",
    "where",
    "lt",
    "le",
    "gt",
    "ge",
}
_UNROUNDED |= {"relu", "clip"}


class Side(NamedTuple):
    """The slope just beside the point. exists: the program has a value there.

    slope: its limit, an mpf; ±inf where it grows without bound.  jumps: the value does.
    tolerance: how far off the slope may be.  hidden: whether what it is the quotient of is below all digits.
    """

    exists: bool
    slope: Any = None
    jumps: bool = False
    tolerance: Any = 0
    hidden: bool = False


class Slope(NamedTuple):
    """The gradient with respect to one input.

    status: "smooth", or "rough" with the sides; "unsure" where the evaluator can't tell.
    value: the derivative where smooth, an mpf.
    scale: the sum of the sizes of all paths, None where that is not known.
    """

    status: str
    value: Any = None
    scale: Any = None
    left: Side | None = None
    right: Side | None = None


class Truth(NamedTuple):
    """status: "known", "no value" or "unsure".  value: an mpf.  slopes: by every input, upstream included.

    is_whole: every node has a value, those on branches that are not taken too.
    """

    status: str
    value: Any = None
    slopes: Mapping[str, Slope] = {}
    is_whole: bool = True


class Tape:
    """A program as nodes that have a rule; what is made of several is written out."""

    def __init__(self, program: Program) -> None:
        self.ops: list[str] = []
        self.operands: list[tuple[int, ...]] = []
        self.leaves: list[Any] = []
        self.rounded: list[bool] = []
        place: list[int] = []
        for node in program.nodes:
            if node.op in ("input", "number"):
                place.append(self.build(node.op, (), node.leaf))
            else:
                place.append(build_operation(node.op, [place[x] for x in node.operands], self.build))
            self.rounded[place[-1]] = node.op not in _UNROUNDED or node.leaf in program.disguises
        self.output = place[-1]
        self.upstream = program.upstream

    def build(self, op: str, operands: tuple[int, ...], leaf: Any = None) -> int:
        """Append a node and return it."""
        self.ops.append(op)
        self.operands.append(operands)
        self.leaves.append(leaf)
        self.rounded.append(False)
        return len(self.ops) - 1

    def inputs(self) -> list[tuple[int, str]]:
        """Return the nodes of the inputs, with their names."""
        return [(i, self.leaves[i]) for i, op in enumerate(self.ops) if op == "input"]

    def _read(self, node: int, values: list[Any]) -> tuple[int, ...]:
        """Return the operands that are looked at."""
        operands = self.operands[node]
        if self.ops[node] != "where" or not isinstance(values[operands[0]], Ball):
            return operands
        return (operands[0], operands[1 if values[operands[0]].mid else 2])

    def forward(self, point: Mapping[str, Any], noise: random.Random | None = None) -> list[Any]:
        """Return the value of every node: a ball, or the exception that it ends in."""
        values: list[Any] = []
        for node, op in enumerate(self.ops):
            try:
                values.append(self._value(node, op, values, point, noise))
            except Trouble as error:
                values.append(error)
        return values

    def _value(self, node: int, op: str, values: list[Any], point: Mapping[str, Any], noise: Any) -> Ball:
        leaf = self.leaves[node]
        if op == "input":
            x = ball(point[leaf])
            return _shaken(x, noise) if noise and self.rounded[node] else x
        if op == "number":
            return pi() if leaf == "pi" else ball(leaf)
        for x in self._read(node, values):
            if isinstance(values[x], Exception):
                raise values[x]
        value = RULES[op].value(*(values[x] for x in self.operands[node]))
        return _shaken(value, noise) if noise and self.rounded[node] else value

    def at(self, point: Mapping[str, Any]) -> Ball:
        """Return the value of the output. Raises NoValueError or UnsureError."""
        value = self.forward(point)[self.output]
        if isinstance(value, NoValueError):
            raise value
        if isinstance(value, Exception):
            raise UnsureError
        return value

    def reverse(self, values: list[Any], noise: random.Random | None = None) -> Adjoints:
        """Sweep back from the output. values: as ``forward`` returns them."""
        back = Adjoints.none(len(self.ops))
        back.bar[self.output] = ball(self.upstream)
        back.size[self.output] = abs(mp.mpf(self.upstream))
        for node in range(len(self.ops) - 1, -1, -1):
            if back.bar[node] is None and not back.lost[node]:
                continue
            for argnum, x in enumerate(self.operands[node]):
                if x in self._read(node, values):
                    self._pass_on(node, argnum, values, back, noise if self.rounded[node] else None)
        return back

    def _pass_on(
        self, node: int, argnum: int, values: list[Any], back: Adjoints, noise: random.Random | None
    ) -> None:
        """Pass the adjoint of a node to one operand."""
        x, bar = self.operands[node][argnum], back.bar[node]
        if bar is None or back.lost[node]:
            back.lost[x] = True
            return
        xs = [values[operand] for operand in self.operands[node]]
        try:
            slope = RULES[self.ops[node]].slope(argnum, values[node], *xs)
            if slope is not None:
                back.slopes.append(slope)
                part = bar * slope
                back.add(x, _shaken(part, noise) if noise else part, abs(back.size[node] * slope.mid))
        except Trouble:
            back.lost[x] = True


class Adjoints(NamedTuple):
    """What a sweep back leaves at every node.

    bar: the adjoint, None without a path to the output.  size: the sum of the sizes of all paths.
    lost: whether a point without a derivative is on one.  slopes: the partials on all paths.
    """

    bar: list[Ball | None]
    size: list[Any]
    lost: list[bool]
    slopes: list[Ball]

    @classmethod
    def none(cls, count: int) -> Adjoints:
        """Return those of nodes without a path."""
        return cls([None] * count, [mp.mpf(0)] * count, [False] * count, [])

    def add(self, node: int, part: Ball, size: Any) -> None:
        """Add what arrives on one path."""
        sofar = self.bar[node]
        self.bar[node] = part if sofar is None else sofar + part
        self.size[node] += size


def _shaken(x: Ball, noise: random.Random) -> Ball:
    """Return a number moved by some roundings of a double."""
    return x * (1 + ball(noise.uniform(-1, 1) * 2.0**-51))


def find_truth(program: Program) -> Truth:
    """Return what is true of a program at its point."""
    tape = Tape(program)
    values = tape.forward(program.point)
    value = values[tape.output]
    if not isinstance(value, Ball):
        return Truth("no value" if isinstance(value, NoValueError) else "unsure")
    if not _is_certain(value):
        return Truth("unsure")
    back = tape.reverse(values)
    slopes = {}
    for node, name in tape.inputs():
        bar = back.bar[node] or ball(0)
        if back.lost[node]:
            slopes[name] = _from_both_sides(tape, program, name)
        else:
            slopes[name] = Slope("smooth", bar.mid, back.size[node]) if _is_certain(bar) else Slope("unsure")
    return Truth("known", value.mid, slopes, not any(isinstance(y, NoValueError) for y in values))


def _is_certain(x: Ball) -> bool:
    """Tell whether a number is exact or has 60 digits."""
    return x.is_exact or x.error < magnitude(x.mid) - 200


# ---- one side ----


def _from_both_sides(tape: Tape, program: Program, name: str) -> Slope:
    """Return the slopes on both sides, by difference quotients at three distances, 1e-40 to 1e-5200."""
    numbers = [abs(x) for x in (*program.point.values(), *tape.leaves) if isinstance(x, float) and x]
    is_far = any(not 1e-20 < x < 1e20 for x in numbers)
    # Near enough for everything that the program has: squares of 5e-324 are 1e-647.
    nearest = 1_300 if is_far else 40
    with digits(max(DIGITS, 7 * nearest)):
        try:
            left, right = (_side(tape, program.point, name, side, nearest) for side in (-1, 1))
        except Trouble:
            return Slope("unsure")
    if left.hidden or right.hidden:
        # One slope may be 0 and the other one not: tanh(max(x, 1e230)) at 1e230.
        return Slope("unsure")
    if left.exists and right.exists and not (left.jumps or right.jumps) and _meet(left, right):
        return Slope("smooth", right.slope, None, left, right)
    return Slope("rough", None, None, left, right)


def _meet(left: Side, right: Side) -> bool:
    a, b = left.slope, right.slope
    return bool(mp.isfinite(a) and mp.isfinite(b) and abs(a - b) <= left.tolerance + right.tolerance)


def _side(tape: Tape, point: Mapping[str, float], name: str, side: int, nearest: int) -> Side:
    """Return the limit of the slope on one side. Raises UnsureError where three distances do not tell."""
    steps = [side * mp.mpf(10) ** -(nearest * k) for k in (1, 2, 4)]
    x = mp.mpf(point[name])
    here = tape.at(point)

    def value(step: Any) -> Ball:
        return tape.at({**point, name: mp.fadd(x, step, exact=True)})

    try:
        near = [value(step) for step in steps]
        further = [value(2 * step) for step in steps]
    except NoValueError:
        return _no_side(value, steps)
    gaps = [y - here for y in near]
    jumps = abs(_sure(gaps[2])) > abs(_sure(gaps[0])) / 1000
    if jumps:
        gaps = [b - a for a, b in zip(near, further, strict=True)]
    rises = [_sure(gap) for gap in gaps]
    quotients = [rise / step for rise, step in zip(rises, steps, strict=True)]
    slope, tolerance = _limit(quotients)
    return Side(
        exists=True,
        slope=slope * tape.upstream,
        jumps=jumps,
        tolerance=abs(tolerance * tape.upstream),
        hidden=any(map(_is_hidden, gaps)),
    )


def _no_side(value: Any, steps: list[Any]) -> Side:
    """Return the side without a value. Raises UnsureError if there is one nearer by."""
    for step in steps:
        try:
            value(step)
        except NoValueError:
            continue
        raise UnsureError
    return Side(exists=False)


def _sure(x: Ball) -> Any:
    if not x.is_exact and x.error > magnitude(x.mid) - 60:
        if magnitude(x.mid) > x.error or x.error > -0.8 * mp.prec:
            raise UnsureError
        # Below all digits: a difference of 0, or a small one; see ``_is_hidden``.
        return mp.mpf(0)
    return x.mid


def _is_hidden(x: Ball) -> bool:
    """Tell whether a difference is below all digits, and not known to be 0."""
    return not x.is_exact and not _sure(x)


def _limit(quotients: list[Any]) -> tuple[Any, Any]:
    """Return the limit of quotients at t, t² and t⁴, and a tolerance.

    From one to the next, a power of t that vanishes is squared, and a logarithm doubles.
    """
    first, second, third = quotients
    early, late = abs(second - first), abs(third - second)
    # The differences of t**1e-30 are small as well, and double: it goes to 0.
    if late <= early / 1000 or (late <= abs(third) * mp.mpf(10) ** -20 and late <= early):
        # What shrinks with t is 0 in the limit.
        return (third if abs(third) > late else mp.mpf(0)), late + abs(third) * mp.mpf(10) ** -18
    if late > early * 1.2 and abs(third) > abs(second) * 1.2:
        return mp.inf * mp.sign(third), mp.mpf(0)
    raise UnsureError


# ---- doubles ----


def spread(program: Program, seed: int = 0, runs: int = 6) -> dict[str, float]:
    """Return how far rounding may move each gradient: the span over runs with every operation shaken.

    Infinite where doubles overflow or underflow on the way.
    """
    tape = Tape(program)
    found: dict[str, list[Any]] = {name: [] for name in program.point}
    for run in range(runs):
        noise = random.Random(seed + run)
        values = tape.forward(program.point, noise)
        if not isinstance(values[tape.output], Ball):
            return dict.fromkeys(program.point, math.inf)
        back = tape.reverse(values, noise)
        if any(_leaves_doubles(x) for x in (*values, *back.bar, *back.slopes)):
            return dict.fromkeys(program.point, math.inf)
        for node, name in tape.inputs():
            found[name].append(mp.inf if back.lost[node] else (back.bar[node] or ball(0)).mid)
    return {name: mp.inf if mp.inf in xs else max(xs) - min(xs) for name, xs in found.items()}


def _leaves_doubles(x: Any) -> bool:
    return isinstance(x, Ball) and bool(x.mid) and abs(magnitude(x.mid)) > 960
