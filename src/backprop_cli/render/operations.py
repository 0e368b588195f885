"""The operation table as text, JSON and Markdown. Everything is read from the rows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Row, Sheet, align
from backprop_cli.notation.latex import derivative_latex
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import TABLE
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from backprop_cli.operations.op import Op

# The values are Python's, the partials are tested row by row against mpmath; see tests/test_ops.py.
_ACCURACY = "value and derivatives within 4 ulp over the whole domain"


def formula(op: Op) -> str:
    """Return the operation as it is written in a program: "x + y", "atan2(y, x)"."""
    operands = list(op.args)
    if op.variadic:
        operands.append("…")
    return op.write(operands)


def derivatives(op: Op) -> list[tuple[str, str]]:
    """Return each operand that has a derivative, with the derivative as text."""
    return [(op.args[argnum], op.derivatives[argnum]) for argnum in _differentiable(op)]


def _differentiable(op: Op) -> range:
    """Return the operands that have a derivative: nobody differentiates conditions, nor by them."""
    return range(op.arity if op.condition else int(op.takes_condition), op.arity)


def convention(op: Op) -> str:
    """Return what is used where the operation is not differentiable, or ""."""
    if op.kink is None:
        return ""
    points = " or ".join(_point(op, xs) for xs in op.kink.points)
    return f"such as at {points}: {op.kink.convention}"


def accuracy(op: Op) -> str:
    """Return how far value and derivatives may be off; 4 ulp is what every row keeps."""
    terms = [f"|∂/∂{name}| and {term}" for name, term in zip(op.args, op.cancels, strict=False) if term]
    if not terms:
        return _ACCURACY
    of_derivative = "derivative, whose terms cancel where it crosses zero, within 4 ulp of the larger of "
    return f"value within 4 ulp; {of_derivative}{'; of '.join(terms)}"


def _point(op: Op, xs: tuple[float, ...]) -> str:
    return ", ".join(f"{name} = {number_text(x)}" for name, x in zip(op.args, xs, strict=True))


def example(op: Op) -> list[str]:
    """Return the operation at a point of its domain with a gradient of 10 arriving."""
    xs = op.domain.inside[0]
    fixed = [False] * len(xs)
    y = FLOAT.value(op, xs)
    lines = [f"at {_point(op, xs)} the value is {number_text(y)}"]
    for argnum in _differentiable(op):
        partial = FLOAT.partial(op, argnum, y, xs, fixed)
        name = op.args[argnum]
        product = f"10 * {_operand(partial)} = {number_text(10 * partial)}"
        lines.append(f"with 10 arriving, {name} receives {product}")
    return lines


def _operand(x: float) -> str:
    return number_text(x) if x >= 0 else f"({number_text(x)})"


def render_list() -> str:
    """Return all operations, a line for each derivative."""
    rows = []
    for op in TABLE:
        first = ((formula(op),), (", ".join(op.aliases),))
        last = (op.domain.words,)
        lines = [f"∂/∂{name} = {text}" for name, text in derivatives(op)] or ["none"]
        rows.append(Row((*first, (lines[0],), last)))
        rows.extend(Row((("",), ("",), (line,), ("",))) for line in lines[1:])
    return "\n".join(align(Sheet(("operation", "also", "derivative", "needs"), (), rows))) + "\n"


def render_one(op: Op) -> str:
    """Return everything about one operation."""
    facts = [
        ("operation", formula(op)),
        ("also", ", ".join(op.aliases)),
        *((f"∂/∂{name}", text) for name, text in derivatives(op)),
        ("needs", op.domain.words),
        ("kink", convention(op)),
        ("accuracy", accuracy(op)),
        ("backward", op.backward),
        *(("example", line) for line in example(op)),
    ]
    facts = [(name, text) for name, text in facts if text]
    wide = max(len(name) for name, _ in facts)
    return "".join(f"{name:{wide}}  {text}\n" for name, text in facts)


def _record(op: Op) -> dict[str, Any]:
    return {
        "name": op.name,
        "aliases": list(op.aliases),
        "args": list(op.args),
        "variadic": op.variadic,
        "formula": formula(op),
        "latex": op.latex,
        "derivatives": dict(derivatives(op)),
        "latex_derivatives": [derivative_latex(op, argnum) for argnum in range(op.arity)],
        "domain": op.domain.words,
        "kink": convention(op) or None,
        "accuracy": accuracy(op),
        "backward": op.backward,
        "example": example(op),
    }


def render_json(op: Op | None) -> str:
    """Return one operation, or all, as one line of JSON."""
    chosen = TABLE if op is None else (op,)
    return json.dumps({"schema": "backprop/ops@1", "operations": [_record(o) for o in chosen]}) + "\n"


def render_markdown(op: Op | None) -> str:
    """Return one operation, or the page of all of them, as Markdown."""
    if op is not None:
        return _section(op)
    names = ", ".join(f"[`{o.name}`](#{o.name})" for o in TABLE)
    return (
        "# Operations\n\n"
        "<!-- Made by `backprop ops --format markdown`; a test fails when it is stale. -->\n\n"
        f"{names}\n\n"
        f"Accuracy: {_ACCURACY}, where an operation says nothing else.\n\n"
        + "\n".join(_section(o) for o in TABLE)
    )


def _section(op: Op) -> str:
    facts = [
        ("Also", ", ".join(f"`{name}`" for name in op.aliases)),
        ("Derivative", ", ".join(f"∂/∂{name} = `{text}`" for name, text in derivatives(op))),
        ("Needs", op.domain.words),
        ("Kink", convention(op)),
        ("Accuracy", accuracy(op) if op.cancels else ""),
        ("Backward", op.backward),
        ("Example", "; ".join(example(op))),
    ]
    lines = "".join(f"- {name}: {text}\n" for name, text in facts if text)
    return f"## {op.name}\n\n`{formula(op)}`\n\n{lines}"
