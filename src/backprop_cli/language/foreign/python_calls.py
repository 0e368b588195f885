"""What the call of a function comes to in the plain language, by the library that it comes from.

Names that mean one thing everywhere are in ``functions.py``; here is what libraries disagree on.
Sources: the documentation of numpy.sinc, torch.nn.functional, jax.nn, tf.nn and keras.activations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.builder import Item, Piece, called, filled, grouped
from backprop_cli.language.foreign.decisions import decided
from backprop_cli.language.tokens import NUMBER, OPERATOR, Token
from backprop_cli.operations.table import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

INFINITE = "∞"
"""The name of what only the limits of ``clip`` may be; the grammar refuses it."""


class Listed(Piece):
    """Several numbers in brackets, which only functions of a vector take."""

    __slots__ = ("operands",)

    def __init__(self, operands: Sequence[Piece], first: int, last: int) -> None:
        super().__init__(operands, first, last)
        self.operands = operands


class Call(NamedTuple):
    """A call, complete. library: which it is known to come from, or "".  is_method: of its first operand."""

    text: str
    name: str
    operands: list[Item]
    keywords: dict[str, Piece]
    first: int
    last: int
    library: str
    is_method: bool = False

    def error(self, message: str, hint: str = "") -> ParseError:
        """Return the error of the whole call."""
        return ParseError(message, self.text, self.first, self.last, hint)

    def is_plain(self, count: int) -> bool:
        """Tell whether the call has so many operands, and none with a keyword."""
        return len(self.operands) == count and not self.keywords

    def filled(self, template: str) -> Item:
        """Return a formula of its operands."""
        return filled(template, self.operands, self.first, self.last)


def made(call: Call) -> Item:
    """Return what a call comes to. Raises ParseError."""
    if call.name in _STOPPED:
        raise call.error(f"{call.name} stops the gradient", "give its value as an input of its own")
    if len(call.operands) == 1 and isinstance(call.operands[0], Listed):
        return _of_list(call, call.operands[0].operands)
    rule = _RULES.get(call.name)
    found = rule(call) if rule is not None else None
    if found is not None:
        return found
    operands = functions.with_keywords(call.text, call.name, call.operands, call.keywords)
    name = call.name
    if name not in FUNCTIONS and name.endswith("f") and name[:-1] in _OF_C:
        name = name[:-1]
    return functions.call(call.text, name, operands, call.first, call.last)


def _of_list(call: Call, operands: Sequence[Item]) -> Item:
    """Return what a function of a vector comes to that is written out. Raises ParseError."""
    name = _OF_LISTS.get(call.name, "")
    if not name or call.keywords:
        raise call.error(f"{call.name} takes no list here", "functions of arrays do: sum([a, b])")
    if name in FUNCTIONS:
        build = called if FUNCTIONS[name].variadic else functions.folded
        return build(name, operands, call.first, call.last)
    joined: list[Item] = [grouped(operands[0])]
    for operand in operands[1:]:
        joined += [Token(OPERATOR, name[0], operand.first, operand.first), grouped(operand)]
    whole = grouped(Piece(joined, call.first, call.last))
    return whole if name in "+*" else filled(f"_1/{len(operands)}", [whole], call.first, call.last)


_OF_LISTS = {
    **dict.fromkeys(("max", "amax", "maximum"), "max"), **dict.fromkeys(("min", "amin", "minimum"), "min"),
    "norm": "hypot", "hypot": "hypot", "logsumexp": "logaddexp", "prod": "*",
    **dict.fromkeys(("sum", "fsum"), "+"), **dict.fromkeys(("mean", "average"), "+/"),
}  # fmt: skip
"""Functions of a list: each the function of two, or the operator, that it is written out with."""

_STOPPED = frozenset(("detach", "stop_gradient", "no_grad"))
_OF_C = frozenset(
    (
        "exp", "log", "sqrt", "pow", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh",
        "tanh", "fabs", "fmax", "fmin", "floor", "ceil", "cbrt", "hypot", "log10", "log2", "log1p", "expm1",
        "erf", "erfc",
    )
)  # fmt: skip
"""Functions of C that have a sister for floats, with an f behind the name."""


def take(call: Call, *parameters: str) -> list[Item | None]:
    """Return the operands behind the first, by place or by keyword; None for one that is not there.

    parameters: their keywords, several where libraries differ: "negative_slope|alpha". Raises ParseError.
    """
    found: list[Item | None] = list(call.operands[1:])
    if not call.operands or len(found) > len(parameters):
        raise call.error(f"{call.name} has {len(call.operands)} operands here")
    keywords = dict(call.keywords)
    for parameter in parameters[len(found) :]:
        names = [name for name in parameter.split("|") if name in keywords]
        found.append(keywords.pop(names[0]) if names else None)
    keywords.pop("inplace", None)
    if keywords:
        raise call.error(f"{call.name} takes no {next(iter(keywords))}= here")
    return found


# ---- functions with parameters ----


def _limited(call: Call) -> Item:
    """``clip`` and ``clamp``, whose limits may be missing or infinite."""
    low, high = (
        None if limit is None or _is_no_limit(limit) else limit
        for limit in take(call, "min|a_min|min_value|clip_value_min", "max|a_max|max_value|clip_value_max")
    )
    if low is None and high is None:
        raise call.error("clip has no limit here", "write clip(x, lo, hi)")
    if high is None or low is None:
        limit = high if low is None else low
        assert limit is not None
        return called("max" if high is None else "min", [call.operands[0], limit], call.first, call.last)
    return called("clip", [call.operands[0], low, high], call.first, call.last)


def _is_no_limit(limit: Item) -> bool:
    return functions.word_of(limit, 5).strip("-+()") == INFINITE


_SLOPES = {"torch": "0.01", "jax": "0.01", "tf": "0.2", "nn": "0.01"}


def _leaky(call: Call) -> Item:
    """``leaky_relu``, with the slope that its library has where none is written."""
    (slope,) = take(call, "negative_slope|alpha|neg_slope")
    if slope is None:
        number = _SLOPES.get(call.library)
        if number is None:
            hint = "leaky_relu(x, 0.01) is that of PyTorch and JAX, leaky_relu(x, 0.2) that of TensorFlow"
            raise call.error("leaky_relu has no slope here, and libraries differ", hint)
        slope = Token(NUMBER, number, call.last, call.last)
    return called("leaky_relu", [call.operands[0], slope], call.first, call.last)


_TANH_GELU = "0.5*_1*(1 + tanh(sqrt(2/pi)*(_1 + 0.044715*_1^3)))"


def _gelu(call: Call) -> Item:
    """``gelu``, which is exact in PyTorch and TensorFlow and approximated in JAX, unless they are told."""
    (choice,) = take(call, "approximate")
    word = "" if choice is None else functions.word_of(choice, 1)
    known = {"tanh": True, "True": True, "none": False, "False": False}.get(word)
    if known is None and choice is None:
        known = {"torch": False, "tf": False, "jax": True}.get(call.library)
        if call.is_method and not call.library:
            known = None
    if known is None:
        hint = f"gelu(x) alone is the exact one; the other is {_TANH_GELU.replace('_1', 'x')}"
        raise call.error("gelu is exact in some libraries, and approximated in others", hint)
    return call.filled(_TANH_GELU) if known else called("gelu", call.operands[:1], call.first, call.last)


def _with_parameter(template: str, *parameters: str) -> Callable[[Call], Item | None]:
    """Return the rule of a function whose formula is needed as soon as a parameter is written."""

    def rule(call: Call) -> Item | None:
        if call.is_plain(1):
            return None
        found = take(call, *parameters)
        if any(operand is None for operand in found):
            raise call.error(f"{call.name} needs {' and '.join(p.split('|')[0] for p in parameters)} here")
        return filled(template, [call.operands[0], *found], call.first, call.last)  # type: ignore[list-item]

    return rule


def _hardtanh(call: Call) -> Item:
    low, high = take(call, "min_val", "max_val")
    one = Token(NUMBER, "1", call.last, call.last)
    minus_one = Piece((Token(OPERATOR, "-", call.last, call.last), one), call.last, call.last)
    return called("clip", [call.operands[0], low or minus_one, high or one], call.first, call.last)


# ---- functions that mean something else elsewhere ----


def _where(call: Call) -> Item | None:
    """``where(cond, a, b)``, which is ``a.where(cond, b)`` as a method."""
    if not call.is_plain(3):
        return None
    yes, condition, no = call.operands
    if not call.is_method:
        condition, yes = yes, condition
    return decided(call.text, condition, yes, no, call.first, call.last)


def _sinc(call: Call) -> Item | None:
    if call.library in ("numpy", "torch", "jax", "scipy") or call.is_method:
        return call.filled("sin(pi*_1)/(pi*_1)" if "sinc" not in FUNCTIONS else "sinc(pi*_1)")
    return None


def _extreme(call: Call) -> Item | None:
    """``max`` and ``min``, whose second operand is an axis in NumPy and in JAX."""
    if call.library in ("numpy", "jax") and not call.is_plain(1):
        name = {"max": "maximum", "min": "minimum"}.get(call.name, call.name)
        raise call.error(
            f"the second operand of {call.name} is an axis in NumPy", f"of two numbers it is np.{name}"
        )
    if call.is_plain(1):
        raise call.error(
            f"{call.name} is of an array here, and no value is one", "give one a value: x=[1, 2, 3]"
        )
    return None


def _log(call: Call) -> Item | None:
    """``log``, which takes a base in Python's math alone."""
    if len(call.operands) == 2 and (call.library not in ("math", "") or call.is_method):
        hint = "log(x)/log(b) is the logarithm to the base b"
        raise call.error(f"the second operand of {call.name} is no base in this library", hint)
    return None


def _root(call: Call) -> Item | None:
    """``root``, whose index comes behind in SymPy."""
    if call.library == "sympy" and call.is_plain(2):
        radicand, index = call.operands
        return functions.root(radicand, index, call.first, call.last)
    return None


def _round(call: Call) -> Item | None:
    """``round``: halves go to the even number in Python, up in JavaScript, and away from 0 in C."""
    if not call.is_plain(1):
        raise call.error(f"{call.name} takes one number here", "round(10^n*x)/10^n has n decimals")
    if call.library == "js":
        return call.filled("floor(_1 + 0.5)")
    if call.library == "c":
        return call.filled("sign(_1)*floor(abs(_1) + 0.5)")
    return None


def _remainder(call: Call) -> Item | None:
    if call.library in ("math", "c"):
        raise call.error(
            f"{call.name} is the remainder of the nearest quotient", "x - y*floor(x/y) is that of Python's %"
        )
    return call.filled("_1 - _2*floor(_1/_2)") if call.is_plain(2) else None


def _int(call: Call) -> Item | None:
    return call.filled("sign(_1)*floor(abs(_1))") if call.is_plain(1) and "trunc" not in FUNCTIONS else None


def _squared_difference(call: Call) -> Item | None:
    return call.filled("(_1 - _2)^2") if call.is_plain(2) else None


_RULES: dict[str, Callable[[Call], Item | None]] = {
    **dict.fromkeys(("clip", "clamp", "clip_by_value"), _limited),
    "leaky_relu": _leaky,
    "gelu": _gelu,
    "elu": _with_parameter("where(_1 > 0, _1, _2*expm1(_1))", "alpha"),
    "celu": _with_parameter("where(_1 > 0, _1, _2*expm1(_1/_2))", "alpha"),
    "softplus": _with_parameter("softplus(_2*_1)/_2", "beta"),
    "hardtanh": _hardtanh,
    "where": _where,
    "sinc": _sinc,
    **dict.fromkeys(("max", "min", "amax", "amin"), _extreme),
    "log": _log,
    "root": _root,
    "round": _round,
    "remainder": _remainder,
    "int": _int,
    "squared_difference": _squared_difference,
}

LAYERS = {
    "ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "ELU": "elu",
    "GELU": "gelu", "SiLU": "silu", "LeakyReLU": "leaky_relu", "Identity": "identity",
    "Hardtanh": "hardtanh", "Softsign": "softsign", "Tanhshrink": "tanhshrink", "ReLU6": "relu6",
    "LogSigmoid": "logsigmoid", "Mish": "mish", "CELU": "celu", "SELU": "selu",
}  # fmt: skip
"""The functions that layers of ``torch.nn`` compute: ``nn.Tanh()(x)``."""
