"""What each array function comes to, element by element, as code of the scalar language.

Sums and products are taken from left to right. A logarithm of a sum of exponentials is made of
``logaddexp``, which neither over- nor underflows; ``norm`` of ``hypot``; ``cross_entropy`` is the logsumexp
of the differences from the logit of the label, whose terms do not cancel.
"""

from __future__ import annotations

from itertools import combinations, pairwise, product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.language.arrays import shapes
from backprop_cli.language.arrays.shapes import Shape, shape_text
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.language.arrays.ops import ArrayCall
    from backprop_cli.language.code import Code, Span


# Of 8 rows a determinant takes 2,000 operations, of 6 an inverse 6,000.
_MOST_ROWS, _MOST_ROWS_OF_INVERSE = 8, 6


class Elements(NamedTuple):
    """An array: its shape, and the code of each element."""

    shape: Shape
    codes: Sequence[Code]

    def taken(self, shape: Shape, places: Sequence[int]) -> Elements:
        """Return the elements at these places."""
        return Elements(shape, [self.codes[place] for place in places])


class Maker:
    """Makes code that stands at one place of the text.

    count: told of every code before more is made of it, with how many operations it adds.
    foresee: told how many operations are to come, where there are very many of them, before the first.
    keep: makes a statement of a code, and returns the code of its name: what is used again and again.
    """

    def __init__(
        self,
        span: Span,
        count: Callable[[int, Sequence[Any]], None],
        foresee: Callable[[int, Span], None],
        keep: Callable[[Code], Code],
    ) -> None:
        self.span = span
        self.keep = keep
        self._foresee = foresee
        self._count = count

    def foresee(self, operations: int) -> None:
        """Refuse operations that are too many, before one is made."""
        self._foresee(operations, self.span)

    def op(self, name: str, *operands: Code) -> Code:
        """Return an operation on numbers."""
        code = (*(entry for operand in operands for entry in operand), OPS[name], len(operands), *self.span)
        self._count(1, code)
        return code

    def number(self, value: float) -> Code:
        """Return a number."""
        return float(value), 0, *self.span

    def chain(self, name: str, codes: Sequence[Code]) -> Code:
        """Return an operation taken again and again, from left to right."""
        flat: list[Any] = [*codes[0]]
        tail = (OPS[name], 2, *self.span)
        for code in codes[1:]:
            flat += code
            flat += tail
        self._count(len(codes) - 1, flat)
        return tuple(flat)

    def mean(self, codes: Sequence[Code]) -> Code:
        """Return the sum over the count."""
        return self.op("div", self.chain("add", codes), self.number(len(codes)))


def _all_at_once(name: str, codes: Sequence[Code], make: Maker) -> Code:
    return make.op(name, *codes) if len(codes) > 1 else codes[0]


def _variance(codes: Sequence[Code], call: ArrayCall, make: Maker) -> Code:
    ddof = call.keywords.get("ddof", 0)
    if len(codes) - ddof < 1:
        raise ValueError(f"a variance of {len(codes)} with ddof={ddof} has no value")
    mean = make.keep(make.mean(codes))
    squares = [make.op("square", make.op("sub", code, mean)) for code in codes]
    return make.op("div", make.chain("add", squares), make.number(len(codes) - ddof))


def _norm(codes: Sequence[Code], _call: ArrayCall, make: Maker) -> Code:
    return make.chain("hypot", codes) if len(codes) > 1 else make.op("abs", *codes)


_REDUCTIONS: dict[str, Callable[[Sequence[Code], ArrayCall, Maker], Code]] = {
    "sum": lambda codes, _, make: make.chain("add", codes),
    "prod": lambda codes, _, make: make.chain("mul", codes),
    "mean": lambda codes, _, make: make.mean(codes),
    "max": lambda codes, _, make: _all_at_once("max", codes, make),
    "min": lambda codes, _, make: _all_at_once("min", codes, make),
    "norm": _norm,
    "logsumexp": lambda codes, _, make: make.chain("logaddexp", codes),
    "var": _variance,
    "std": lambda codes, call, make: make.op("sqrt", _variance(codes, call, make)),
}
_EMPTY = {"sum": 0.0, "prod": 1.0}


def _reduce(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    """Reduce along an axis, or all there is."""
    array = operands[0]
    axes = shapes.normal_axes(array.shape, call.keywords.get("axis"))
    outer, places = shapes.groups(array.shape, axes)
    if not all(places) and call.name not in _EMPTY:
        raise ValueError(f"{call.name} of no elements has no value")
    codes = [
        _REDUCTIONS[call.name]([array.codes[place] for place in group], call, make)
        if group
        else make.number(_EMPTY[call.name])
        for group in places
    ]
    if call.keywords.get("keepdims"):
        outer = tuple(1 if axis in axes else size for axis, size in enumerate(array.shape))
    return Elements(outer, codes)


def _along(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    """Return softmax or log_softmax along an axis, of all there is where there is one."""
    array = operands[0]
    if "axis" not in call.keywords and len(array.shape) > 1:
        raise ValueError(f"{call.name} of {shape_text(array.shape)} needs an axis, such as axis=-1")
    axes = shapes.normal_axes(array.shape, call.keywords.get("axis"))
    if len(axes) != 1 and array.shape:
        raise ValueError(f"{call.name} is along one axis, such as axis=-1")
    codes: list[Code] = [()] * len(array.codes)
    _, places = shapes.groups(array.shape, axes)
    for group in places:
        whole = make.keep(make.chain("logaddexp", [array.codes[place] for place in group]))
        for place in group:
            difference = make.op("sub", array.codes[place], whole)
            codes[place] = difference if call.name == "log_softmax" else make.op("exp", difference)
    return Elements(array.shape, codes)


def _cross_entropy(operands: Sequence[Elements], _call: ArrayCall, make: Maker) -> Elements:
    """Return -log softmax(logits)[label], or what the shares of all classes make of it; the mean of rows."""
    logits, label = operands
    if len(logits.shape) not in (1, 2):
        raise ValueError(f"logits have one axis or two, not the shape {shape_text(logits.shape)}")
    classes = logits.shape[-1]
    rows = [logits.codes[i : i + classes] for i in range(0, len(logits.codes), classes)]
    if label.shape == logits.shape:
        shares = [label.codes[i : i + classes] for i in range(0, len(label.codes), classes)]
        losses = [_weighted(row, share, make) for row, share in zip(rows, shares, strict=True)]
    elif label.shape == logits.shape[:-1]:
        losses = [_of_label(row, code, make) for row, code in zip(rows, label.codes, strict=True)]
    else:
        raise ValueError(f"the shapes {_both(operands)} do not fit as logits and labels")
    return Elements((), [make.mean(losses) if len(losses) > 1 else losses[0]])


def _of_label(logits: Sequence[Code], label: Code, make: Maker) -> Code:
    number = label[0]
    is_whole = len(label) == 4 and isinstance(number, float) and number.is_integer()
    if not is_whole or not 0 <= number < len(logits):
        raise ValueError(f"a label is a whole number from 0 to {len(logits) - 1}")
    own = int(number)
    terms = [
        make.number(0.0) if place == own else make.op("sub", code, logits[own])
        for place, code in enumerate(logits)
    ]
    return make.chain("logaddexp", terms)


def _weighted(logits: Sequence[Code], shares: Sequence[Code], make: Maker) -> Code:
    whole = make.keep(make.chain("logaddexp", logits))
    terms = [
        make.op("mul", share, make.op("sub", whole, code)) for code, share in zip(logits, shares, strict=True)
    ]
    return make.chain("add", terms)


def _matmul(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    """Return the product of matrices and vectors, as NumPy's @ has it for one axis or two."""
    left, right = operands
    if not left.shape or not right.shape:
        if call.name == "dot":
            return _outer_of(operands, make)
        raise ValueError("@ is of arrays; a number is multiplied by *")
    if len(left.shape) > 2 or len(right.shape) > 2:
        raise ValueError(f"{_sign(call)} is of one axis or two, not {_both(operands)}")
    if left.shape[-1] != right.shape[0]:
        hint = "; the transpose is x.T" if len(right.shape) == 2 and right.shape[-1] == left.shape[-1] else ""
        raise ValueError(f"the shapes {_both(operands)} do not fit in {_sign(call)}{hint}")
    inner = left.shape[-1]
    rows = left.shape[:-1]
    columns = right.shape[1:]
    width = prod(columns)
    make.foresee(prod(rows) * width * inner)
    codes = []
    for row in range(prod(rows)):
        for column in range(width):
            products = [
                make.op("mul", left.codes[row * inner + i], right.codes[i * width + column])
                for i in range(inner)
            ]
            codes.append(make.chain("add", products) if products else make.number(0.0))
    return Elements((*rows, *columns), codes)


def product_rule(operands: Sequence[Elements], names: Sequence[str]) -> str:
    """Return what a product does to the gradient g that arrives, by the axes of its operands."""
    left, right = names
    rules = {
        (1, 1): (f"g*{right}", f"g*{left}"),
        (2, 1): (f"outer(g, {right})", f"{_transposed(left)} @ g"),
        (1, 2): (f"{right} @ g", f"outer({left}, g)"),
        (2, 2): (f"g @ {_transposed(right)}", f"{_transposed(left)} @ g"),
    }
    to_left, to_right = rules.get((len(operands[0].shape), len(operands[1].shape)), ("", ""))
    if not to_left:
        return "each factor gets the gradient, times the other factor, summed"
    if left == right:
        return f"with g arriving, {left} gets {to_left} + {to_right}"
    return f"with g arriving, {left} gets {to_left}, {right} gets {to_right}"


def _transposed(name: str) -> str:
    return name.removesuffix(".T") if name.endswith(".T") else f"{name}.T"


def power_rule(base: str, exponent: str, *, constant: int) -> str:
    """Return what a power does to the gradient that arrives, one of whose operands is a number.

    constant: the argnum of that.
    """
    if constant == 1:
        slope = _slope_of_power(base, exponent)
        return f"a power with the exponent {exponent} passes to its base the gradient times {slope}"
    slope = f"{base}^{exponent}*log({base})"
    return f"a power with the base {base} passes to its exponent the gradient times {slope}"


def _slope_of_power(base: str, exponent: str) -> str:
    if exponent == "2":
        return f"2*{base}"
    less = f"{int(exponent) - 1}" if exponent.isdigit() and exponent > "0" else f"({exponent} - 1)"
    return f"{exponent}*{base}^{less}"


def loss_rule(operands: Sequence[Elements]) -> str:
    """Return what cross_entropy does to the gradient that arrives."""
    logits, label = operands
    rows = ", over the count of rows" * (len(logits.shape) == 2)
    if label.shape == logits.shape:
        return (
            "every logit gets its softmax times the sum of the shares, less its own share, "
            f"times the gradient{rows}"
        )
    return f"every logit gets its softmax, that of the label less 1, times the gradient{rows}"


def _sign(call: ArrayCall) -> str:
    return "@" if call.name == "matmul" else call.name


def _both(operands: Sequence[Elements]) -> str:
    return " and ".join(shape_text(value.shape) for value in operands)


def _outer_of(operands: Sequence[Elements], make: Maker) -> Elements:
    left, right = operands
    make.foresee(len(left.codes) * len(right.codes))
    codes = [make.op("mul", a, b) for a in left.codes for b in right.codes]
    return Elements((*left.shape, *right.shape), codes)


def _outer(operands: Sequence[Elements], _call: ArrayCall, make: Maker) -> Elements:
    if any(len(value.shape) != 1 for value in operands):
        raise ValueError(f"outer is of two vectors, not {_both(operands)}")
    return _outer_of(operands, make)


def _mse(operands: Sequence[Elements], _call: ArrayCall, make: Maker) -> Elements:
    shape = shapes.broadcast([value.shape for value in operands])
    if shape is None or len({value.shape for value in operands} - {()}) > 1:
        raise ValueError(f"the shapes {_both(operands)} do not fit in mse")
    left, right = ([value.codes[place] for place in shapes.spread(value.shape, shape)] for value in operands)
    squares = [make.op("square", make.op("sub", a, b)) for a, b in zip(left, right, strict=True)]
    return Elements((), [make.mean(squares)])


def _array(operands: Sequence[Elements], _call: ArrayCall, _make: Maker) -> Elements:
    """Stack what is listed along a new first axis."""
    for one, other in pairwise(operands):
        if one.shape != other.shape:
            raise ValueError(
                f"a list is of equal shapes, and has {shape_text(one.shape)} beside {shape_text(other.shape)}"
            )
    return Elements((len(operands), *operands[0].shape), [code for value in operands for code in value.codes])


def _index(operands: Sequence[Elements], call: ArrayCall, _make: Maker) -> Elements:
    return operands[0].taken(*shapes.indexed(operands[0].shape, call.index))


def _transpose(operands: Sequence[Elements], _call: ArrayCall, _make: Maker) -> Elements:
    return operands[0].taken(*shapes.transposed(operands[0].shape))


def _ravel(operands: Sequence[Elements], _call: ArrayCall, _make: Maker) -> Elements:
    return Elements((len(operands[0].codes),), operands[0].codes)


def _reshape(operands: Sequence[Elements], call: ArrayCall, _make: Maker) -> Elements:
    array = operands[0]
    if "shape" not in call.keywords:
        raise ValueError("reshape needs a shape, such as reshape(x, shape=(2, 3))")
    wanted = call.keywords["shape"]
    sizes = list(wanted) if isinstance(wanted, tuple) else [wanted]
    if sizes.count(-1) == 1:
        rest = prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = len(array.codes) // rest if rest else 0
    if min(sizes) < 0 or prod(sizes) != len(array.codes):
        shape = shape_text(tuple(sizes))
        raise ValueError(f"{len(array.codes)} elements, of {shape_text(array.shape)}, do not fill {shape}")
    return Elements(tuple(sizes), array.codes)


def _concatenate(operands: Sequence[Elements], call: ArrayCall, _make: Maker) -> Elements:
    """Join arrays along an axis, the first one if none is named."""
    if len(operands) == 1 and len(operands[0].shape) > 1:  # a list of parts
        whole, (count, *rest) = operands[0], operands[0].shape
        size = prod(rest)
        operands = [Elements(tuple(rest), whole.codes[i * size : (i + 1) * size]) for i in range(count)]
    first = operands[0].shape
    if len(operands) == 1 or not all(value.shape for value in operands):
        raise ValueError("concatenate joins arrays; numbers stand in a list: [a, b]")
    axis = shapes.normal_axes(first, call.keywords.get("axis", 0))[0]
    if any(_without(value.shape, axis) != _without(first, axis) for value in operands):
        raise ValueError(f"the shapes {_both(operands)} do not fit in concatenate")
    blocks = [prod(value.shape[axis:]) for value in operands]
    codes = [
        code
        for row in range(prod(first[:axis]))
        for value, block in zip(operands, blocks, strict=True)
        for code in value.codes[row * block : (row + 1) * block]
    ]
    joined = sum(value.shape[axis] for value in operands)
    return Elements((*first[:axis], joined, *first[axis + 1 :]), codes)


def _without(shape: Shape, axis: int) -> tuple[int, Shape]:
    return len(shape), (*shape[:axis], *shape[axis + 1 :])


def _cumsum(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    """Sum from the first element on, along an axis; of all elements in a row, if none is named."""
    array = operands[0] if "axis" in call.keywords else _ravel(operands, call, make)
    codes = list(array.codes)
    for group in shapes.groups(array.shape, shapes.normal_axes(array.shape, call.keywords.get("axis")))[1]:
        for before, place in pairwise(group):
            codes[before] = make.keep(codes[before])
            codes[place] = make.op("add", codes[before], codes[place])
    return Elements(array.shape, codes)


def _inner(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    left, right = operands
    if len(left.shape) != 1 or left.shape != right.shape:
        raise ValueError(f"{call.name} is of two vectors of one size, not {_both(operands)}")
    products = [make.op("mul", a, b) for a, b in zip(left.codes, right.codes, strict=True)]
    return Elements((), [make.chain("add", products)])


def _square(operands: Sequence[Elements], call: ArrayCall, most: int) -> list[list[Code]]:
    """Return the rows of a square matrix of up to so many."""
    array = operands[0]
    if len(array.shape) != 2 or array.shape[0] != array.shape[1] or not array.codes:
        raise ValueError(f"{call.name} is of a square matrix, not {shape_text(array.shape)}")
    size = array.shape[0]
    if size > most:
        raise ValueError(f"{call.name} is of up to {most} rows, not {size}")
    return [list(array.codes[row * size : (row + 1) * size]) for row in range(size)]


def _trace(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    rows = _square(operands, call, len(operands[0].codes))
    return Elements((), [make.chain("add", [row[place] for place, row in enumerate(rows)])])


def _determinant(rows: Sequence[Sequence[Code]], make: Maker) -> Code:
    """Return the determinant by Laplace's expansion, each minor of the lower rows made once.

    It divides by nothing, so it has a value everywhere. Of n rows it takes n·2ⁿ operations.
    """
    minors: dict[tuple[int, ...], Code] = {(column,): code for column, code in enumerate(rows[-1])}
    for count in range(2, len(rows) + 1):
        row = rows[-count]
        found = {}
        for columns in combinations(range(len(rows)), count):
            total: Code = ()
            for place, column in enumerate(columns):
                minor = minors[(*columns[:place], *columns[place + 1 :])]
                term = make.op("mul", row[column], minor)
                total = make.op("sub" if place % 2 else "add", total, term) if total else term
            found[columns] = make.keep(total)
        minors = found
    return minors[tuple(range(len(rows)))]


def _det(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    return Elements((), [_determinant(_square(operands, call, _MOST_ROWS), make)])


def _inv(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    """Return the inverse as the cofactors over the determinant."""
    rows = _square(operands, call, _MOST_ROWS_OF_INVERSE)
    size = len(rows)
    whole = make.keep(_determinant(rows, make))
    if size == 1:
        return Elements((1, 1), [make.op("div", make.number(1.0), whole)])
    codes = []
    for row, column in product(range(size), repeat=2):
        others = [[*r[:row], *r[row + 1 :]] for i, r in enumerate(rows) if i != column]
        cofactor = _determinant(others, make)
        signed = make.op("neg", cofactor) if (row + column) % 2 else cofactor
        codes.append(make.op("div", signed, whole))
    return Elements((size, size), codes)


def _len(operands: Sequence[Elements], _call: ArrayCall, make: Maker) -> Elements:
    if not operands[0].shape:
        raise ValueError("len is of an array")
    return Elements((), [make.number(operands[0].shape[0])])


def _size(operands: Sequence[Elements], call: ArrayCall, make: Maker) -> Elements:
    shape = operands[0].shape
    axes = shapes.normal_axes(shape, call.keywords.get("axis"))
    return Elements((), [make.number(prod(shape[axis] for axis in axes))])


RULES: dict[str, Callable[[Sequence[Elements], ArrayCall, Maker], Elements]] = {
    **dict.fromkeys(_REDUCTIONS, _reduce),
    **dict.fromkeys(("softmax", "log_softmax"), _along),
    **dict.fromkeys(("matmul", "dot"), _matmul),
    **dict.fromkeys(("T", "transpose"), _transpose),
    "outer": _outer,
    "cross_entropy": _cross_entropy,
    "mse": _mse,
    "array": _array,
    "index": _index,
    "size": _size,
    "len": _len,
    "ravel": _ravel,
    "reshape": _reshape,
    "concatenate": _concatenate,
    "cumsum": _cumsum,
    "inner": _inner,
    "trace": _trace,
    "det": _det,
    "inv": _inv,
}
