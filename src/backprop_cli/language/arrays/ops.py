"""What the language can do with arrays: a row for each function, by the names of NumPy and PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayOp:
    """A function of arrays.

    args: names of its operands.  variadic: whether there may be more.
    keywords: what may stand behind them as NAME=NUMBER.  backward: what it does to the gradient that arrives.
    """

    name: str
    args: tuple[str, ...] = ("x",)
    keywords: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    backward: str
    variadic: bool = False

    @property
    def arity(self) -> int:
        """The fewest operands."""
        return len(self.args)

    def takes(self, count: int) -> bool:
        """Tell whether it can have so many operands."""
        return count == self.arity or (self.variadic and count > self.arity)


@dataclass(frozen=True, eq=False)
class ArrayCall:
    """An array function with its keywords, or an index: a step of code. what: as an error names it."""

    op: ArrayOp
    keywords: dict[str, Any]
    index: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.op.name

    @property
    def infix(self) -> bool:
        """Whether it is written between its operands."""
        return self.op.name == "matmul"

    @property
    def postfix(self) -> bool:
        """Whether it is written behind its operand."""
        return self.op.name in ("index", "T", "transpose")

    def write(self, operands: Sequence[str]) -> str:
        """Return the call in the language. operands: as text, in parentheses where they need them."""
        if self.infix:
            return " @ ".join(operands)
        if self.name == "index":
            return f"{operands[0]}[{', '.join(map(_index_text, self.index))}]"
        if self.postfix:
            return f"{operands[0]}.T"
        if self.name == "array":
            return f"[{', '.join(operands)}]"
        keywords = [f"{name}={value}" for name, value in self.keywords.items()]
        return f"{self.name}({', '.join([*operands, *keywords])})"


def _index_text(part: Any) -> str:
    """Return a part of an index: a whole number, a slice, None or Ellipsis."""
    if part is Ellipsis:
        return "..."
    if not isinstance(part, slice):
        return str(part)
    bounds = ["" if bound is None else str(bound) for bound in (part.start, part.stop, part.step)]
    return ":".join(bounds[: 3 if bounds[2] else 2])


_AXIS = ("axis", "keepdims")
_EACH = "every element gets the gradient of the sum that it is in"

_ROWS = (
    ArrayOp(name="array", args=("x",), variadic=True, backward="each element gets its own gradient"),
    ArrayOp(name="index", backward="what is taken gets the gradient, all else gets 0"),
    ArrayOp(name="T", backward="the gradient is transposed, too"),
    ArrayOp(
        name="matmul", args=("a", "b"), aliases=("mm", "mv"),
        backward="the gradient of each factor is made of the other factor and the gradient that arrives",
    ),
    ArrayOp(
        name="dot", args=("a", "b"),
        backward="the gradient of each factor is made of the other factor and the gradient that arrives",
    ),
    ArrayOp(
        name="outer", args=("a", "b"), aliases=("ger",),
        backward="each factor gets the gradient, times the other factor, summed",
    ),
    ArrayOp(name="sum", keywords=_AXIS, backward=_EACH),
    ArrayOp(
        name="mean", keywords=_AXIS, aliases=("average",),
        backward="every element gets 1/n of the gradient",
    ),
    ArrayOp(
        name="var", keywords=(*_AXIS, "ddof"),
        backward="every element gets the gradient times 2/(n - ddof) of its part above the mean",
    ),
    ArrayOp(
        name="std", keywords=(*_AXIS, "ddof"),
        backward="every element gets the gradient times its part above the mean over (n - ddof) * std",
    ),
    ArrayOp(
        name="prod", keywords=_AXIS, aliases=("product",),
        backward="every element gets the gradient times the product of the others",
    ),
    ArrayOp(
        name="max", keywords=_AXIS, aliases=("amax",),
        backward="the largest element gets the gradient; where several are, each gets its share",
    ),
    ArrayOp(
        name="min", keywords=_AXIS, aliases=("amin",),
        backward="the least element gets the gradient; where several are, each gets its share",
    ),
    ArrayOp(
        name="norm", keywords=_AXIS,
        backward="every element gets the gradient times itself over the norm",
    ),
    ArrayOp(
        name="logsumexp", keywords=_AXIS, backward="every element gets the gradient times its softmax"
    ),
    ArrayOp(
        name="softmax", keywords=("axis",),
        backward="every element gets its softmax times its gradient's part above the softmax-weighted mean",
    ),
    ArrayOp(
        name="log_softmax", keywords=("axis",),
        backward="every element gets its gradient, less its softmax times the sum of the gradients",
    ),
    ArrayOp(
        name="cross_entropy", args=("logits", "label"),
        backward="every logit gets its softmax, that of the label less 1, times the gradient",
    ),
    ArrayOp(
        name="mse", args=("a", "b"), aliases=("mse_loss",),
        backward="every element gets 2/n of its difference times the gradient",
    ),
    ArrayOp(name="transpose", backward="the gradient is transposed, too"),
    ArrayOp(name="ravel", aliases=("flatten",), backward="the gradient is laid out anew, too"),
    ArrayOp(name="reshape", keywords=("shape",), backward="the gradient is laid out anew, too"),
    ArrayOp(
        name="concatenate", variadic=True, keywords=("axis",), aliases=("concat",),
        backward="each part gets its part of the gradient",
    ),
    ArrayOp(
        name="cumsum", keywords=("axis",),
        backward="every element gets the sum of the gradients from its place on",
    ),
    ArrayOp(
        name="inner", args=("a", "b"), aliases=("vdot",),
        backward="each vector gets the other one times the gradient",
    ),
    ArrayOp(
        name="trace", aliases=("tr",),
        backward="what is on the diagonal gets the gradient, all else gets 0",
    ),
    ArrayOp(name="det", backward="every element gets the gradient times its cofactor"),
    ArrayOp(
        name="inv",
        backward="with g arriving and Y the inverse, the matrix gets -Y.T @ g @ Y.T",
    ),
    ArrayOp(name="len", backward="what is counted gets no gradient"),
    ArrayOp(name="size", keywords=("axis",), aliases=("numel",), backward="what is counted gets no gradient"),
)  # fmt: skip

ARRAY_OPS: dict[str, ArrayOp] = {op.name: op for op in _ROWS}
ARRAY_FUNCTIONS: dict[str, ArrayOp] = {
    name: op for op in _ROWS for name in (op.name, *op.aliases) if name not in ("index", "T", "array")
}
"""What may be called by name."""
METHODS = {"sum", "mean", "var", "std", "prod", "max", "min", "norm", "logsumexp", "softmax", "log_softmax"}
"""What may stand behind a value and a dot, besides T, dot and matmul."""
KEYWORDS = {
    "axis": "axis", "dim": "axis", "keepdims": "keepdims", "keepdim": "keepdims", "ddof": "ddof",
    "correction": "ddof", "shape": "shape",
}  # fmt: skip
"""Keywords as they are written, by NumPy's name of them."""
MATMUL = ARRAY_OPS["matmul"]
