"""Functions by the names that other languages have for them, each with what is written here instead.

The plain language knows none of these names: it only hints at them. A foreign notation reads them. A row of
the table by such a name goes before what stands here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.operations.table import FUNCTIONS
from backprop_cli.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES = {
    "absolute": "abs", "fabs": "abs", "maximum": "max", "minimum": "min", "fmax": "max", "fmin": "min",
    "power": "pow", "expit": "sigmoid", "logistic": "sigmoid", "sigm": "sigmoid", "arsinh": "asinh",
    "arcosh": "acosh", "artanh": "atanh", "sgn": "sign", "signum": "sign", "log_10": "log10",
    "log_2": "log2", "curt": "cbrt", "atan_2": "atan2", "ReLU": "relu", "ELU": "elu", "GELU": "gelu",
    "SiLU": "silu", "clip_by_value": "clip",
}  # fmt: skip
"""Other names of functions that are here, with the same operands in the same order."""

REWRITES = {
    "sqr": "_1^2", "abs2": "_1^2", "cube": "_1^3", "rsqrt": "1/sqrt(_1)",
    "exp2": "2^_1", "exp10": "10^_1", "negative": "-_1", "neg": "-_1",
    "add": "_1 + _2", "sub": "_1 - _2", "subtract": "_1 - _2", "mul": "_1*_2", "multiply": "_1*_2",
    "div": "_1/_2", "divide": "_1/_2", "true_divide": "_1/_2", "truediv": "_1/_2", "sec": "1/cos(_1)",
    "csc": "1/sin(_1)", "cosec": "1/sin(_1)", "cot": "1/tan(_1)", "cotan": "1/tan(_1)",
    "sech": "1/cosh(_1)", "csch": "1/sinh(_1)", "coth": "1/tanh(_1)", "asec": "acos(1/_1)",
    "arcsec": "acos(1/_1)", "acsc": "asin(1/_1)", "arccsc": "asin(1/_1)", "asech": "acosh(1/_1)",
    "acsch": "asinh(1/_1)", "acoth": "atanh(1/_1)",
    "log_sigmoid": "-softplus(-_1)", "tanhshrink": "_1 - tanh(_1)",
    "relu6": "clip(_1, 0, 6)", "ones_like": "1", "zeros_like": "0",
    "deg2rad": "_1*pi/180", "rad2deg": "_1*180/pi", "radians": "_1*pi/180", "degrees": "_1*180/pi",
}  # fmt: skip
"""What functions of their operands are that are not here; see ``filled``."""

DOUBTFUL = {
    "lg": "write log10(x), or log2(x) where that is meant",
    "acot": "write atan(1/x), or pi/2 - atan(x), which is another number where x < 0",
    "arccot": "write atan(1/x), or pi/2 - atan(x), which is another number where x < 0",
    "mod": "write x - y*floor(x/y), whose sign is that of y",
    "fmod": "write where(x/y < 0, x - y*ceil(x/y), x - y*floor(x/y)), whose sign is that of x",
    "rem": "write where(x/y < 0, x - y*ceil(x/y), x - y*floor(x/y)), whose sign is that of x",
    "round": "write floor(x + 0.5), which rounds halves up",
    "rint": "write floor(x + 0.5), which rounds halves up",
    "trunc": "write where(x < 0, ceil(x), floor(x))",
    "fix": "write where(x < 0, ceil(x), floor(x))",
    "heaviside": "write where(x < 0, 0, 1), which is 1 at 0",
    "factorial": "write the product out",
    "logaddexp": "write y + softplus(x - y)",
    "hardtanh": "write clip(x, -1, 1)",
    "selu": "write 1.0507009873554805*where(x > 0, x, 1.6732632423543772*expm1(x))",
    "return": "leave return out: the last statement is the result",
    "LOG": "write log(x), which is natural, or log10(x)",
    "ATAN2": "write atan2(y, x); spreadsheets have x first",
    "root": "write x^(1/n); sqrt(x) and cbrt(x) are roots, too",
    "int": "floor(x) and ceil(x) make whole numbers",
}  # fmt: skip
"""What is to be said of functions that differ from one language to another, or that have no short rewrite."""

VECTORS = {
    "sum": "a + b + c", "mean": "(a + b + c)/3", "prod": "a*b*c", "dot": "a1*b1 + a2*b2",
    "norm": "sqrt(a^2 + b^2)", "matmul": "a1*b1 + a2*b2", "softmax": "exp(a)/(exp(a) + exp(b))",
    "logsumexp": "log(exp(a) + exp(b))", "var": "", "std": "", "cumsum": "", "argmax": "",
    "log_softmax": "", "einsum": "", "det": "", "inv": "", "tr": "",
}  # fmt: skip
"""What takes a vector, with how it is written for numbers."""


def hint_at(name: str, operands: Sequence[str] = ()) -> str:
    """Return what to write for a function that is not here, "" where nothing is near.

    operands: as they are written, where they are short and none of them is a call.
    """
    if name in ALIASES and ALIASES[name] in FUNCTIONS:
        return f"write {ALIASES[name]}({', '.join(operands) or '…'})"
    if name in REWRITES:
        return f"write {_filled(REWRITES[name], operands)}"
    if name in DOUBTFUL:
        return DOUBTFUL[name]
    if name in VECTORS:
        example = f", such as {VECTORS[name]}" if VECTORS[name] else ""
        return f"{name} is of vectors; here it is written out for numbers{example}"
    if name.lower() in FUNCTIONS and len(name) > 1:
        return f"write {name.lower()}({', '.join(operands) or '…'})"
    return did_you_mean(name, FUNCTIONS) if len(name) > 2 else ""


def _filled(template: str, operands: Sequence[str]) -> str:
    """Return a rewrite of these operands, or of x and y for want of them, in parentheses."""
    count = 2 if "_2" in template else 1
    texts = operands if len(operands) == count else ("x", "y")

    def inner(match: re.Match[str]) -> str:
        operand = texts[int(match[1]) - 1]
        is_closed = (
            re.fullmatch(r"[\w.]+", operand)
            or match.string[slice(match.start() - 1, match.end() + 1)] == f"({match[0]})"
        )
        return operand if is_closed else f"({operand})"

    text = re.sub(r"_(\d)", inner, template)
    return text if re.fullmatch(r"\w+\([^()]*\)", template) else f"({text})"
