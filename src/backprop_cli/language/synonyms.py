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
    "SiLU": "silu", "clip_by_value": "clip", "log1pexp": "softplus", "norm_cdf": "normcdf", "psi": "digamma",
    "BesselJ": "besselj", "ProductLog": "lambertw",
}  # fmt: skip
"""Other names of functions that are here, with the same operands in the same order."""

REWRITES: dict[str, str | tuple[str, ...]] = {
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
    "mish": "_1*tanh(softplus(_1))", "hardsigmoid": "clip(_1 + 3, 0, 6)/6",
    **dict.fromkeys(("hardtanh", "hard_tanh"), ("clip(_1, -1, 1)", "clip(_1, _2, _3)")),
    **dict.fromkeys(("hardswish", "hard_swish", "hard_silu"), "_1*clip(_1 + 3, 0, 6)/6"),
    "selu": "1.0507009873554805*where(_1 > 0, _1, 1.6732632423543772*expm1(_1))",
    "celu": ("elu(_1)", "where(_1 > 0, _1, _2*expm1(_1/_2))"),
    **dict.fromkeys(("trunc", "fix"), "where(_1 < 0, ceil(_1), floor(_1))"),
    "heaviside": ("where(_1 < 0, 0, where(_1 > 0, 1, _2))",),
    "mod": "_1 - _2*floor(_1/_2)",
    **dict.fromkeys(("fmod", "rem"), "where(_1/_2 < 0, _1 - _2*ceil(_1/_2), _1 - _2*floor(_1/_2))"),
    "entr": "-xlogy(_1, _1)", "rel_entr": "xlogy(_1, _1/_2)", "kl_div": "xlogy(_1, _1/_2) - _1 + _2",
    "xlog1py": "where(_1 <= 0, where(_1 >= 0, 0, _1*log1p(_2)), _1*log1p(_2))",
    "cosm1": "-2*sin(_1/2)^2", "haversin": "sin(_1/2)^2",
    "factorial": "gamma(_1 + 1)", "beta": "exp(lgamma(_1) + lgamma(_2) - lgamma(_1 + _2))",
    **dict.fromkeys(("betaln", "lbeta"), "lgamma(_1) + lgamma(_2) - lgamma(_1 + _2)"),
    "trigamma": "polygamma(1, _1)", "j0": "besselj(0, _1)", "j1": "besselj(1, _1)",
    "erfcinv": "erfinv(1 - _1)", "sind": "sin(_1*pi/180)", "cosd": "cos(_1*pi/180)", "tand": "tan(_1*pi/180)",
    "deg2rad": "_1*pi/180", "rad2deg": "_1*180/pi", "radians": "_1*pi/180", "degrees": "_1*180/pi",
}  # fmt: skip
"""What functions of their operands are that are not here; several where the count of operands decides."""

FOLDS = {"hypot": "hypot", "norm": "hypot", "logsumexp": "logaddexp", "logaddexp": "logaddexp"}
"""Functions of any number of operands, each with that of two which is taken again and again."""

DOUBTFUL = {
    "lg": "write log10(x), or log2(x) where that is meant",
    "acot": "write atan(1/x), or pi/2 - atan(x), which is another number where x < 0",
    "arccot": "write atan(1/x), or pi/2 - atan(x), which is another number where x < 0",
    "heaviside": "write where(x < 0, 0, 1), which is 1 at 0",
    "step": "write where(x < 0, 0, 1), which is 1 at 0",
    "hard_sigmoid": "write clip(x + 3, 0, 6)/6 as in PyTorch, or clip(0.2*x + 0.5, 0, 1) as in Keras 2",
    "return": "leave return out: the last statement is the result",
    "LOG": "write log(x), which is natural, or log10(x)",
    "ATAN2": "write atan2(y, x); spreadsheets have x first",
    "root": "write x^(1/n); sqrt(x) and cbrt(x) are roots, too",
    "int": "floor(x) and ceil(x) make whole numbers",
}  # fmt: skip
"""What is to be said of functions that differ from one language to another, or that have no short rewrite."""

VECTORS = {
    "sum": "a + b + c", "mean": "(a + b + c)/3", "prod": "a*b*c", "dot": "a1*b1 + a2*b2",
    "norm": "norm(a, b)", "logsumexp": "logsumexp(a, b)", "matmul": "a1*b1 + a2*b2",
    "softmax": "exp(a)/(exp(a) + exp(b))", "var": "((a - m)^2 + (b - m)^2)/2",
    "std": "sqrt(((a - m)^2 + (b - m)^2)/2)", "log_softmax": "a - logaddexp(a, b)",
    "argmax": "", "einsum": "",
}  # fmt: skip
"""What takes a vector, with how it is written for numbers."""

NOT_IN_LANGUAGE = {
    "%": "mod(x, y) is the remainder, with the sign of y",
    "//": "floor(a/b) is the quotient rounded down",
    "==": "a single = names a value; conditions are < <= > >= in where(cond, a, b)",
    "!=": "conditions are < <= > >= in where(cond, a, b)",
    **dict.fromkeys(("and", "or", "not"), "conditions stand in where(cond, a, b)"),
    "!": "x! is gamma(x + 1); there is no negation of conditions",
    "&": "nest where(cond, a, b) to combine conditions",
    "|": "abs(x) is the absolute value",
    "√": "write sqrt(x)",
    "∞": "there is no infinity",
    "∫": "there are no integrals",
    **dict.fromkeys("{}", "only round parentheses group"),
    **dict.fromkeys("[]", "an array is [1, 2, 3], an element of it x[0]"),
    **dict.fromkeys('"“”‘’`', "there is no text in the language"),
    "'": "there is no text in the language; the transpose of an array is x.T",
    "\\": "a new line is written as ; or as a real one, in a shell by $'a = 2\\nb = 3'",
    "½": "write 1/2",
    "$": "give a value as NAME=VALUE behind the program",
    ".": "a name has no dot",
}
"""What to write for signs that are not in the language."""


def hint_at(name: str, operands: Sequence[str] = ()) -> str:
    """Return what to write for a function that is not here, "" where nothing is near.

    operands: as they are written, where they are short and none of them is a call.
    """
    if name in ALIASES and ALIASES[name] in FUNCTIONS:
        return f"write {ALIASES[name]}({', '.join(operands) or '…'})"
    if name in REWRITES and (template := _template(name, len(operands))):
        return f"write {_filled(template, operands)}"
    if name in DOUBTFUL:
        return DOUBTFUL[name]
    if name in VECTORS:
        return f"{name} is of arrays, and not among the functions that are read"
    if name.lower() in FUNCTIONS and len(name) > 1:
        return f"write {name.lower()}({', '.join(operands) or '…'})"
    return did_you_mean(name, FUNCTIONS) if len(name) > 2 else ""


def rewrites(name: str) -> dict[int, str]:
    """Return what is written for a function of another language, by the count of its operands."""
    found = REWRITES.get(name, ())
    return {operand_count(text): text for text in ((found,) if isinstance(found, str) else found)}


def operand_count(template: str) -> int:
    """Return how many operands a rewrite has; one, too, where it does not use it."""
    return max((int(digit) for digit in re.findall(r"_(\d)", template)), default=1)


def _template(name: str, count: int) -> str | None:
    """Return the rewrite for so many operands; for none that are known, the first."""
    known = rewrites(name)
    return known.get(count, None if count and name in DOUBTFUL else next(iter(known.values())))


def _filled(template: str, operands: Sequence[str]) -> str:
    """Return a rewrite of these operands, or of x, y and z for want of them, in parentheses."""
    texts = operands if len(operands) == operand_count(template) else ("x", "y", "z")

    def inner(match: re.Match[str]) -> str:
        operand = texts[int(match[1]) - 1]
        is_closed = (
            re.fullmatch(r"[\w.]+", operand)
            or match.string[slice(match.start() - 1, match.end() + 1)] == f"({match[0]})"
        )
        return operand if is_closed else f"({operand})"

    text = re.sub(r"_(\d)", inner, template)
    return text if re.fullmatch(r"\w+\([^()]*\)", template) else f"({text})"
