"""The operation table as text, JSON and Markdown. Everything is read from the rows."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Row, Sheet, align
from backprop_cli.notation.latex import derivative_latex
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import FUNCTIONS, OPS, SUBJECTS, TABLE
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Collection

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
    return range(op.arity if op.condition else op.orders or int(op.takes_condition), op.arity)


def convention(op: Op) -> str:
    """Return what is used where the operation is not differentiable, or ""."""
    if op.kink is None:
        return ""
    points = " or ".join(_point(op, xs) for xs in op.kink.points)
    return f"such as at {points}: {op.kink.convention}"


def accuracy(op: Op) -> str:
    """Return how far value and derivatives may be off; 4 ulp is what every row keeps."""
    cancelling = "{}, whose terms cancel where it crosses zero, within 4 ulp of the larger of {}"
    if op.value_cancels:
        value = cancelling.format("value", f"|{formula(op)}| and {op.value_cancels}")
        return f"{value}; derivatives within 4 ulp"
    terms = [f"|∂/∂{name}| and {term}" for name, term in zip(op.args, op.cancels, strict=False) if term]
    if not terms:
        return _ACCURACY
    return f"value within 4 ulp; {cancelling.format('derivative', '; of '.join(terms))}"


def _rows(op: Op) -> str:
    """Return how many rows are computed, where no engine has the operation."""
    return "one by one, by mpmath; the page and exported programs do not have it" if op.special else ""


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


def find(word: str | None) -> tuple[Op, ...]:
    """Return the rows that a word finds: one by its name, those of a sign, or those that are told of with it.

    All of them for None.
    """
    if word is None:
        return TABLE
    known = {**OPS, **FUNCTIONS}
    if word in known:
        return (known[word],)
    sign = {"**": "^", "≤": "<=", "≥": ">="}.get(word.strip(), word.strip())
    of_sign = tuple(op for op in TABLE if op.infix and op.infix.strip() == sign)
    if of_sign or not re.search(r"\w", word):
        return of_sign
    begins = re.compile(rf"(?<!\w){re.escape(word.strip())}", re.IGNORECASE).search
    told = tuple(op for op in TABLE if any(map(begins, (op.name, *op.aliases, op.backward, convention(op)))))
    return told or tuple(op for subject, rows in SUBJECTS.items() if begins(subject) for op in rows)


def render_list(ops: Collection[Op] = TABLE) -> str:
    """Return operations by subject, a line for each derivative."""
    rows: list[Row] = []
    subjects: dict[int, str] = {}
    for subject, members in _by_subject(ops):
        subjects[len(rows)] = subject
        for op in members:
            first = ((f"  {formula(op)}",), (", ".join(op.aliases),))
            last = (op.domain.words,)
            lines = [f"∂/∂{name} = {text}" for name, text in derivatives(op)] or ["none"]
            rows.append(Row((*first, (lines[0],), last)))
            rows.extend(Row((("",), ("",), (line,), ("",))) for line in lines[1:])
    header, *lines = align(Sheet(("  operation", "also", "derivative", "needs"), (), rows))
    titled = [f"\n{subjects[i]}:\n{line}" if i in subjects else line for i, line in enumerate(lines)]
    return "\n".join((header, *titled)) + "\n"


def _by_subject(ops: Collection[Op]) -> list[tuple[str, list[Op]]]:
    """Return the subjects of these operations, each with those that are of it."""
    chosen = set(ops)
    members = [(subject, [op for op in rows if op in chosen]) for subject, rows in SUBJECTS.items()]
    return [(subject, rows) for subject, rows in members if rows]


def render_one(op: Op) -> str:
    """Return everything about one operation."""
    facts = [
        ("operation", formula(op)),
        ("also", ", ".join(op.aliases)),
        *((f"∂/∂{name}", text) for name, text in derivatives(op)),
        ("needs", op.domain.words),
        ("kink", convention(op)),
        ("accuracy", accuracy(op)),
        ("rows", _rows(op)),
        ("backward", op.backward),
        *(("example", line) for line in example(op)),
    ]
    facts = [(name, text) for name, text in facts if text]
    wide = max(len(name) for name, _ in facts)
    return "".join(f"{name:{wide}}  {text}\n" for name, text in facts)


def _record(subject: str, op: Op) -> dict[str, Any]:
    return {
        "name": op.name,
        "subject": subject,
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
        "rows": _rows(op) or None,
        "backward": op.backward,
        "example": example(op),
    }


def render_json(ops: Collection[Op] = TABLE) -> str:
    """Return operations as one line of JSON."""
    records = [_record(subject, op) for subject, rows in _by_subject(ops) for op in rows]
    return json.dumps({"schema": "backprop/ops@1", "operations": records}) + "\n"


def render_markdown(ops: Collection[Op] = TABLE) -> str:
    """Return operations, or the page of all of them, as Markdown."""
    if len(ops) < len(TABLE):
        return "\n".join(_section(op) for op in ops)
    names = "\n".join(
        f"- {subject}: {', '.join(f'[`{op.name}`](#{op.name})' for op in rows)}"
        for subject, rows in SUBJECTS.items()
    )
    return (
        "# Operations\n\n"
        "<!-- Made by `backprop ops --format markdown`; a test fails when it is stale. -->\n\n"
        f"{names}\n\n"
        f"Accuracy: {_ACCURACY}, where an operation says nothing else.\n\n"
        + "\n".join(_section(op) for op in TABLE)
    )


def _section(op: Op) -> str:
    facts = [
        ("Also", ", ".join(f"`{name}`" for name in op.aliases)),
        ("Derivative", ", ".join(f"∂/∂{name} = `{text}`" for name, text in derivatives(op))),
        ("Needs", op.domain.words),
        ("Kink", convention(op)),
        ("Accuracy", accuracy(op) if op.cancels or op.value_cancels else ""),
        ("Rows", _rows(op)),
        ("Backward", op.backward),
        ("Example", "; ".join(example(op))),
    ]
    lines = "".join(f"- {name}: {text}\n" for name, text in facts if text)
    return f"## {op.name}\n\n`{formula(op)}`\n\n{lines}"
