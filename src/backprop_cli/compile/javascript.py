"""The operations of a program in JavaScript, written from the rows of the table.

The page computes with them as Python does. Values are made of functions that fail as those of Python's
``math`` do (``checked`` in the page's runtime.js), partials of the plain ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.compile.scaled import Scaled
from backprop_cli.compile.target import Target, write_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backprop_cli.compile.registers import Operand, Register
    from backprop_cli.compile.tracer import Tracer
    from backprop_cli.operations.op import Op

Use = tuple["Op", tuple[bool, ...]]
"""An operation, and which of its operands are constants."""

_OF_MATH = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "sin", "cos", "tan", "asin", "acos"),
    *("atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "abs"),
)
# Functions of runtime.js.
_OWN_UNARY, _OWN_BINARY = ("sign", "erf", "erfc"), ("pow", "max", "min")

# What Python refuses to compute: outside its domain, or where it overflows.
_CHECKED_UNARY = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin", "acos"),
    *("sinh", "cosh", "acosh", "atanh", "floor", "ceil"),
)
_CHECKED_BINARY = ("div", "pow")

_EXPRESSIONS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    # 1/0 is a slope of infinity, whichever sign the zero has.
    "ratio": "{0} / ({1} + 0)",
    "neg": "-{0}",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "gt": "{0} > {1}",
    "ge": "{0} >= {1}",
    "eq": "{0} === {1}",
    "both": "{0} && {1}",
    "either": "{0} || {1}",
    "not": "!{0}",
    "where": "{0} ? {1} : {2}",
    "atan2": "Math.atan2({0}, {1})",
    "hypot": "Math.hypot({0}, {1})",
    # Python's are integers, which have one zero.
    "floor": "Math.floor({0}) + 0",
    "ceil": "Math.ceil({0}) + 0",
    **{name: f"Math.{name}({{0}})" for name in _OF_MATH},
    **{name: f"{name}({{0}})" for name in _OWN_UNARY},
    **{name: f"{name}({{0}}, {{1}})" for name in _OWN_BINARY},
}
_CHECKED = {
    **_EXPRESSIONS,
    **{name: f"checked.{name}({{0}})" for name in _CHECKED_UNARY},
    **{name: f"checked.{name}({{0}}, {{1}})" for name in _CHECKED_BINARY},
}


def _number(x: float | bool) -> str:
    if isinstance(x, bool):
        return "true" if x else "false"
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
    return repr(x).removesuffix(".0")


_PLAIN = Target(_EXPRESSIONS, _number, "const {name} = {expression};")
_STRICT = Target(_CHECKED, _number, "const {name} = {expression};")


def use_name(name: str, fixed: Sequence[bool]) -> str:
    """Return what an operation is called in the page: "max xxc", where c is a constant operand."""
    return f"{name} {''.join('c' if is_fixed else 'x' for is_fixed in fixed)}"


def write_operations(uses: Iterable[Use]) -> str:
    """Return the definitions that runtime.js and sweep.js expect.

    OPERATIONS: use -> {value, partials, kink, reads}, functions of the operands (of the result y as well for
    the partials).  value throws where there is none.  partials: undefined by a constant.  kink: whether there
    is no derivative; left out where that can't be.  reads: per operand whether the value is made of it; left
    out where it always is.
    """
    rules = "\n".join(f'"{use_name(op.name, fixed)}": {_rule(op, fixed)},' for op, fixed in uses)
    return f"{_gaussian()}\nconst OPERATIONS = {{\n{rules}\n}};"


def _gaussian() -> str:
    """Return exp(-x²), with the care of the table, for the error functions of runtime.js."""
    m = Scaled()
    x = m.emit("column", "x")
    return f"const gaussian = {_function([x], m.gaussian(x, 1.0), _PLAIN)};"


def _rule(op: Op, fixed: tuple[bool, ...]) -> str:
    m = Scaled()
    xs = [m.emit("column", f"x{place}") for place in range(1, len(fixed) + 1)]
    y = m.emit("column", "y")
    partials = [None if f else op.partial(m, argnum, y, xs, fixed) for argnum, f in enumerate(fixed)]
    parts = {
        "value": _function(xs, _value(m, op, xs), _STRICT),
        "partials": _function([y, *xs], partials, _PLAIN),
    }
    if op.kink is not None:
        parts["kink"] = _function(xs, op.kink.at(m, xs, fixed), _PLAIN)
    if op.reads is not None:
        parts["reads"] = _function(xs, list(op.read(m, xs)), _PLAIN)
    return "{" + ", ".join(f"{name}: {code}" for name, code in parts.items()) + "}"


def _value(m: Tracer, op: Op, xs: Sequence[Register]) -> Operand:
    # Where a formula comes to zero, Python evaluates it in reals, which have one zero.
    operands = [x + 0.0 for x in xs] if op.composite else xs
    value: Operand = op.value(m, *operands)
    return m.where(value, 1.0, 0.0) if op.condition else value


def _function(parameters: Sequence[Register], result: Operand | list[Operand | None], target: Target) -> str:
    """Return a function of registers; of several results it makes a list."""
    outputs = result if isinstance(result, list) else [result]
    lines, codes = write_code([x for x in outputs if x is not None], target)
    texts = iter(codes)
    code = ", ".join("undefined" if x is None else next(texts) for x in outputs)
    if isinstance(result, list):
        code = f"[{code}]"
    names = ", ".join(str(parameter.args[0]) for parameter in parameters)
    return (
        f"({names}) => {{ {' '.join(line.text for line in lines)} return {code}; }}"
        if lines
        else f"({names}) => {code}"
    )
