"""How second derivatives arise, in words and formulas, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import number
from backprop_cli.render.pens import Line, grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.second import Along, Second, Slope, Turning


def second_lines(second: Second, pen: TextPen) -> Iterator[Line]:
    """Yield both passes along each input, and the matrix that they come to."""
    for along in second.along:
        yield Line("heading", f"Once more, with respect to {along.node}: forward")
        yield Line("equation", f"{pen.local(along.node, along.node)} = {pen.number(1.0)}")
        if not along.forward:
            yield Line("words", f"no step moves with {along.node}")
        for step in along.forward:
            factors = [(_slope(slope, pen), pen.local(slope.operand, along.node)) for slope, _ in step.terms]
            numbers = [(slope.value, moves) for slope, moves in step.terms]
            yield _equation(pen.local(step.node, along.node), factors, numbers, step.value, pen)
        yield Line("heading", f"Once more, with respect to {along.node}: backward")
        if not along.backward:
            yield Line("words", f"no gradient moves with {along.node} here")
        for turning in along.backward:
            yield from _turning(turning, along, second, pen)
    yield from _matrix(second, pen)


def _slope(slope: Slope, pen: TextPen) -> str:
    return pen.local(slope.step, slope.operand, slope.held)


def _turned(node: str, along: Along, second: Second, pen: TextPen) -> str:
    """Return the derivative of a gradient; by two inputs it is a second derivative of the output."""
    if node in second.names:
        return pen.second(second.output, node, along.node)
    return pen.derivative(pen.gradient(node), along.node)


def _turning(turning: Turning, along: Along, second: Second, pen: TextPen) -> Iterator[Line]:
    for bend, _ in turning.bends:
        of = f"{bend.of.step} with respect to {bend.of.operand}"
        yield Line("words", f"the local derivative of {of} moves with {bend.by.operand}")
        left = pen.derivative(_slope(bend.of, pen), bend.by.operand, bend.by.held)
        yield Line("equation", f"{left} = {pen.number(bend.value)}")
    symbols: list[tuple[str, ...]] = [
        (_turned(slope.step, along, second, pen), _slope(slope, pen)) for slope, _ in turning.passed
    ]
    symbols += [
        (
            pen.gradient(bend.of.step),
            pen.derivative(_slope(bend.of, pen), bend.by.operand, bend.by.held),
            pen.local(bend.by.operand, along.node),
        )
        for bend, _ in turning.bends
    ]
    numbers: list[tuple[float, ...]] = [(moved, slope.value) for slope, moved in turning.passed]
    numbers += [(bar, bend.value, bend.moves) for bend, bar in turning.bends]
    yield _equation(_turned(turning.node, along, second, pen), symbols, numbers, turning.value, pen)


def _equation(
    left: str,
    symbols: Sequence[Sequence[str]],
    numbers: Sequence[Sequence[float]],
    value: float,
    pen: TextPen,
) -> Line:
    """Return a sum of products, with symbols, with numbers and as it comes out."""
    shown = [pen.product(grouped(pen.number(x), pen) for x in factors) for factors in numbers]
    sides = [left, " + ".join(map(pen.product, symbols)), " + ".join(shown), pen.number(value)]
    return Line("equation", " = ".join(sides))


def _matrix(second: Second, pen: TextPen) -> Iterator[Line]:
    """Yield the entries on and above the diagonal; those below are the same numbers, by the other way."""
    if not second.names:
        yield Line("words", "the program has no input")
        return
    yield Line("heading", "The second derivatives")
    for place, a in enumerate(second.names):
        for b in second.names[place:]:
            sides = [pen.second(second.output, a, b)]
            sides += [pen.second(second.output, b, a)] if a != b else []
            yield Line("equation", " = ".join([*sides, pen.number(second.entry(a, b))]))


def second_json(second: Second) -> dict[str, Any]:
    """Return how second derivatives arise as JSON has it."""
    return {
        "names": list(second.names),
        "along": [
            {
                "name": along.name,
                "forward": [
                    {
                        "node": step.node,
                        "terms": [{"slope": _record(slope), "moves": number(x)} for slope, x in step.terms],
                        "value": number(step.value),
                    }
                    for step in along.forward
                ],
                "backward": [
                    {
                        "node": step.node,
                        "passed": [{"slope": _record(s), "turning": number(x)} for s, x in step.passed],
                        "bends": [
                            {
                                "slope": _record(bend.of),
                                "by": bend.by.operand,
                                "value": number(bend.value),
                                "moves": number(bend.moves),
                                "gradient": number(bar),
                            }
                            for bend, bar in step.bends
                        ],
                        "value": number(step.value),
                    }
                    for step in along.backward
                ],
            }
            for along in second.along
        ],
        "hessian": {a: {b: number(second.entry(a, b)) for b in second.names} for a in second.names},
    }


def _record(slope: Slope) -> dict[str, Any]:
    held = {"held": slope.held} if slope.held else {}
    return {"step": slope.step, "operand": slope.operand, **held, "value": number(slope.value)}
