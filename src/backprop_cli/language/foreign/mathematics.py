r"""What products, transposes and sums of mathematics are, once it is known which names are arrays.

In mathematics a vector is a column, a vector transposed a row, and ``A x`` the product of matrices. Here a
statement that was read with ``@`` for every product becomes one that the plain language computes to the same:
``w^\top x`` is ``w @ x`` and ``x y^\top`` is ``outer(x, y)``. What mathematics does not define, or in two
ways, is refused: two columns side by side, the square of a vector, the exponential of a matrix.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.language.arrays.ops import ARRAY_OPS, MATMUL, ArrayCall
from backprop_cli.language.code import Statement, fold
from backprop_cli.language.foreign.scan import RefusalError
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.language.code import Code, Span
    from backprop_cli.operations.op import Op

NUMBER, COLUMN, ROW, MATRIX, INDEXED = "a number", "a column", "a row", "a matrix", "elements of a sum"
_OF_MATRICES = frozenset(("exp", "log", "sqrt", "sin", "cos", "sinh", "cosh", "abs"))
"""Functions that of a matrix are usually not those of its elements."""
_REDUCED = frozenset(("sum", "mean", "var", "std", "prod", "max", "min", "logsumexp"))
_KEPT = frozenset(("softmax", "log_softmax"))
_LOSSES = frozenset(("cross_entropy", "mse"))
_PRODUCTS = {
    (ROW, COLUMN): NUMBER, (ROW, MATRIX): ROW, (MATRIX, COLUMN): COLUMN, (MATRIX, MATRIX): MATRIX,
}  # fmt: skip
_TRANSPOSED = {NUMBER: NUMBER, COLUMN: ROW, ROW: COLUMN, MATRIX: MATRIX}
_NORMS = (r"\|", r"\Vert", r"\lVert", "||")
_NO_PRODUCT = r"w^\top x, w \cdot x, x y^\top and x \odot y are products of vectors"


class _Term(NamedTuple):
    """What an expression is. axes: of elements of a sum, whether they go along each index that is open."""

    kind: str
    code: Code
    span: Span
    axes: tuple[bool, ...] = ()


def resolve(
    statements: Sequence[Statement], text: str, shapes: Mapping[str, tuple[int, ...]]
) -> list[Statement]:
    """Return the statements as the plain language has them. shapes: of the arrays that are given.

    Raises ParseError for what mathematics does not define.
    """
    kinds: dict[str, str] = {}
    for name, shape in shapes.items():
        kinds[name] = {1: COLUMN, 2: MATRIX}.get(len(shape), f"an array of {len(shape)} axes")
    found = []
    for statement in statements:
        term = _Mathematics(text, kinds).evaluate(statement.code)
        if statement.name is not None:
            kinds[statement.name] = term.kind
        found.append(statement._replace(code=term.code))
    return found


class _Mathematics:
    """One statement. kinds: of the names so far."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        self.text = text
        self.kinds = kinds

    def evaluate(self, code: Code) -> _Term:
        return fold(code, self.leaf, self.apply)

    def leaf(self, what: str | float, span: Span) -> _Term:
        kind = self.kinds.get(what, NUMBER) if isinstance(what, str) else NUMBER
        return _Term(kind, (what, 0, *span), span)

    def apply(self, what: Op | ArrayCall, terms: list[_Term], span: Span) -> _Term:
        if all(term.kind == NUMBER for term in terms):
            return self.of_numbers(what, terms, span)
        if any(term.kind == INDEXED for term in terms):
            return self.of_elements(what, terms, span)
        if isinstance(what, ArrayCall):
            return self.of_arrays(what, terms, span)
        return self.each(what, terms, span)

    def error(self, message: str, span: Span, hint: str) -> RefusalError:
        return RefusalError(message, self.text, *span, hint)

    def made(self, kind: str, what: Any, terms: Sequence[_Term], span: Span) -> _Term:
        code = (*(entry for term in terms for entry in term.code), what, len(terms), *span)
        return _Term(kind, code, span)

    def of_numbers(self, what: Op | ArrayCall, terms: list[_Term], span: Span) -> _Term:
        if isinstance(what, ArrayCall):
            if what.name == "matmul":
                return self.made(NUMBER, OPS["mul"], terms, span)
            if what.name == "T":
                return terms[0]
            if what.name == "norm":
                return self.made(NUMBER, OPS["abs"], terms, span)
            message = f"{what.name} is of vectors, and here of a number"
            if what.name == "index":
                message = "a number has no index"
            raise self.error(message, span, "x=[1, 2] is a vector")
        square = self.square_of_norm(what, terms, span)
        return square or self.made(NUMBER, what, terms, span)

    def square_of_norm(self, what: Op, terms: list[_Term], span: Span) -> _Term | None:
        """Return the square of a norm as the sum of squares, which has no kink at 0."""
        if what.name != "pow" or terms[1].code[0] != 2.0 or len(terms[1].code) > 4:
            return None
        base = terms[0].code
        last = base[-4]
        if not isinstance(last, ArrayCall) or last.name != "norm":
            return None
        squares = (*base[:-4], *terms[1].code, what, 2, *span)
        return _Term(NUMBER, (*squares, ArrayCall(ARRAY_OPS["sum"], {}), 1, *span), span)

    # ---- elements of a sum ----

    def of_elements(self, what: Op | ArrayCall, terms: list[_Term], span: Span) -> _Term:
        for term in terms:
            if term.kind not in (NUMBER, INDEXED):
                hint = "each array within a sum has its index: x_i"
                raise self.error("what is summed has an array without an index", term.span, hint)
        axes = self.joined(terms)
        if isinstance(what, ArrayCall) and what.name == "matmul":
            what = OPS["mul"]
        if not isinstance(what, ArrayCall):
            return self.made(INDEXED, what, terms, span)._replace(axes=axes)
        if "axis" not in what.keywords:
            hint = "norms and functions of whole arrays stand outside of sums"
            raise self.error(f"{what.name} is of whole arrays, and here of their elements", span, hint)
        if not axes[-1]:
            raise self.error("the index of this sum is not used", span, "x_i is what is summed")
        kept = axes[:-1]
        call = ArrayCall(what.op, what.keywords if any(kept) else {})
        summed = self.made(INDEXED if any(kept) else NUMBER, call, terms, span)
        return summed._replace(axes=kept)

    @staticmethod
    def joined(terms: Sequence[_Term]) -> tuple[bool, ...]:
        """Return the axes along which any of the terms goes."""
        longest = max(len(term.axes) for term in terms)
        padded = [(*[False] * (longest - len(term.axes)), *term.axes) for term in terms]
        return tuple(map(any, zip(*padded, strict=True)))

    # ---- whole arrays ----

    def of_arrays(self, call: ArrayCall, terms: list[_Term], span: Span) -> _Term:
        first = terms[0]
        if call.name == "index":
            axes = tuple(isinstance(part, slice) for part in call.index)
            if {COLUMN: 1, MATRIX: 2}.get(first.kind) != sum(axes):
                raise self.error(f"{first.kind} has other indices", span, "each axis has its index")
            leading = next(place for place, part in enumerate(axes) if part)
            whole = first if all(axes) else self.made(INDEXED, call, terms, span)
            return whole._replace(kind=INDEXED, axes=axes[leading:])
        if call.name == "matmul":
            return self.product(terms, span)
        if call.name == "T" and first.kind in _TRANSPOSED:
            kind = _TRANSPOSED[first.kind]
            return self.made(kind, call, terms, span) if kind == MATRIX else first._replace(kind=kind)
        if call.name == "norm":
            self.check_norm(first, span)
            return self.made(NUMBER, call, terms, span)
        if call.name in _REDUCED and "axis" not in call.keywords:
            return self.made(NUMBER, call, terms, span)
        if call.name in _KEPT and first.kind in (COLUMN, ROW):
            return self.made(first.kind, call, terms, span)
        if call.name in _LOSSES:
            return self.made(NUMBER, call, terms, span)
        hint = "write it in the language itself, in which arrays have axes"
        raise self.error(f"{call.name} of {first.kind} is not read", span, hint)

    def check_norm(self, term: _Term, span: Span) -> None:
        """Refuse the norm of a matrix that is not said to be that of Frobenius."""
        if term.kind == MATRIX and not re.search(r"_.{0,20}F\W*$", self.text[slice(*span)]):
            raise self.error("a matrix has several norms", span, r"write \|A\|_F for that of Frobenius")

    def product(self, terms: list[_Term], span: Span) -> _Term:
        left, right = terms
        if NUMBER in (left.kind, right.kind):
            kind = right.kind if left.kind == NUMBER else left.kind
            return self.made(kind, OPS["mul"], terms, span)
        between = self.text[left.span[1] : right.span[0]]
        if "*" in between or r"\times" in between or r"\ast" in between or "×" in between:
            kinds = f"{left.kind} and {right.kind}"
            raise self.error(f"this product of {kinds} has two readings", span, _NO_PRODUCT)
        if (left.kind, right.kind) in _PRODUCTS:
            return self.made(_PRODUCTS[left.kind, right.kind], ArrayCall(MATMUL, {}), terms, span)
        if (left.kind, right.kind) == (COLUMN, ROW):
            return self.made(MATRIX, ArrayCall(ARRAY_OPS["outer"], {}), terms, span)
        if left.kind == right.kind == COLUMN and (r"\cdot" in between or "·" in between):
            return self.made(NUMBER, ArrayCall(MATMUL, {}), terms, span)
        raise self.error(f"{left.kind} times {right.kind} is no product", span, _NO_PRODUCT)

    def each(self, op: Op, terms: list[_Term], span: Span) -> _Term:
        """Apply an operation on numbers to elements, where mathematics does."""
        arrays = {term.kind for term in terms if term.kind != NUMBER}
        kind = next(iter(arrays))
        if len(arrays) > 1:
            raise self.error(f"{terms[0].kind} and {terms[1].kind} do not fit here", span, _NO_PRODUCT)
        if op.name == "pow":
            hint = r"\|x\|^2 is a number, x \odot x has the squares of all elements"
            raise self.error(f"a power with {kind} is read in several ways", span, hint)
        if op.name == "div" and terms[1].kind != NUMBER:
            raise self.error(f"nothing is divided by {kind}", span, r"write \sum_i a_i/b_i")
        if op.name == "abs" and not self.text.startswith(_NORMS, span[0]):
            raise self.error(f"|x| of {kind} is read in several ways", span, r"its norm is \|x\|")
        if kind == MATRIX and op.name in _OF_MATRICES:
            hint = "a function of each element is written in the language itself"
            raise self.error(f"{op.name} of a matrix is read in two ways", span, hint)
        return self.made(kind, op, terms, span)
