"""SymPy's expressions as programs in the plain language. The expression is walked, never evaluated.

A sum, product or power of SymPy's is written as people write it: ``x*y**-1`` as ``x/y``, ``x + -1*y`` as
``x - y``. What the language has no word for is refused by its name.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.code import Statement
from backprop_cli.language.reader import canonical_name, is_name, normalise
from backprop_cli.language.writing import write_program
from backprop_cli.operations.table import CONSTANTS, FUNCTIONS, OPS, TABLE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from backprop_cli.operations.op import Op

_LONG = 10_000
"""A program of more steps gives a name to what it uses twice."""

_HINTS = {
    "ImaginaryUnit": "numbers are real",
    **dict.fromkeys(
        ("NaN", "Infinity", "NegativeInfinity", "ComplexInfinity"), "a program computes with finite numbers"
    ),
    **dict.fromkeys(
        ("Derivative", "Integral", "Sum", "Product", "Limit", "Subs"), "expr.doit() may work it out"
    ),
    **dict.fromkeys(
        ("EulerGamma", "GoldenRatio", "Catalan"),
        "its value is a number: expr.evalf()",
    ),
    "Heaviside": "expr.rewrite(Piecewise) writes it by conditions",
    "DiracDelta": "it has no value at 0; away from there it is 0",
    "sec": "expr.rewrite(cos)",
    "csc": "expr.rewrite(sin)",
    "cot": "expr.rewrite(tan)",
}


def is_expression(program: object) -> bool:
    """Tell whether a program is an object of SymPy's."""
    sympy = sys.modules.get("sympy")  # whoever has one has imported it
    return sympy is not None and isinstance(program, sympy.Basic)


def write_expression(expr: Any) -> str:
    """Return an expression of SymPy's as a program in the plain language.

    The program has the value of the expression wherever that is real. Inputs have the names of the symbols.
    Raises ParseError for what the language has no word for, and for symbols that it has no name for.
    """
    lowering = _Lowering()
    output = lowering.run(expr)
    return write_program(lowering.statements(output))


class _Term(NamedTuple):
    """What is to be lowered: the name of its class, its operands, and what it holds beside them."""

    head: str
    args: tuple[Any, ...] = ()
    leaf: Any = None


class _Condition(NamedTuple):
    """A node that is a comparison (kind "is"), or and, or, not, ite of conditions; "true" and "false"."""

    kind: str
    parts: tuple[Any, ...] = ()


def _term(expr: Any) -> _Term:
    """Return what an object of SymPy's is, with sums and products as they are to be written."""
    if isinstance(expr, _Term):
        return expr
    if not hasattr(expr, "args"):
        raise _refusal(type(expr).__name__)
    if getattr(expr, "is_Symbol", False):
        return _Term("Symbol", (), expr)
    if getattr(expr, "is_Rational", False):
        return _Term("Rational", (), (expr.p, expr.q))
    head = type(expr).__name__
    if head == "Float":
        return _Term("Float", (), expr)
    if head == "Add":
        signs, terms = zip(*map(_without_sign, expr.args), strict=True)
        return _Term("Add", terms, signs)
    if head == "Mul":
        return _quotient(expr.args)
    if head == "Pow":
        return _power(*expr.args)
    return _Term(head, tuple(expr.args))


def _is_negative_number(expr: Any) -> bool:
    return bool(getattr(expr, "is_Number", False) and expr.is_finite and expr < 0)


def _without_sign(expr: Any) -> tuple[bool, Any]:
    """Return whether a term is subtracted, and what is."""
    if _is_negative_number(expr):
        return True, -expr
    if type(expr).__name__ == "Mul" and _is_negative_number(expr.args[0]):
        return True, _quotient((-expr.args[0], *expr.args[1:]))
    return False, expr


def _quotient(factors: Sequence[Any]) -> _Term:
    """Return a product with its negative powers below a line. leaf: the count of factors above it."""
    above: list[Any] = []
    below: list[Any] = []
    for factor in factors:
        if getattr(factor, "is_Rational", False) and factor.q != 1:
            if abs(factor.p) != 1:
                above.append(_Term("Rational", (), (factor.p, 1)))
            elif factor.p < 0:
                above.append(_Term("Rational", (), (-1, 1)))
            below.append(_Term("Rational", (), (factor.q, 1)))
        elif type(factor).__name__ == "Pow" and _is_negative_number(factor.args[1]):
            base, exponent = factor.args
            below.append(base if exponent == -1 else _power(base, -exponent))
        elif not (getattr(factor, "is_Rational", False) and factor.p == 1):
            above.append(factor)
    return _Term("Mul", (*above, *below), len(above))


def _power(base: Any, exponent: Any) -> _Term:
    if type(base).__name__ == "Exp1":
        return _Term("exp", (exponent,))
    if _is_negative_number(exponent):
        return _Term("Mul", (base if exponent == -1 else _power(base, -exponent),), 0)
    if getattr(exponent, "is_Rational", False) and (exponent.p, exponent.q) == (1, 2):
        return _Term("sqrt", (base,))
    return _Term("Pow", (base, exponent))


class _Lowering:
    """Makes nodes of terms, equal ones once.

    nodes: an operation with the nodes that it works on, or a name or number with none.
    """

    def __init__(self) -> None:
        self.nodes: list[tuple[Op | str | float, tuple[int, ...]]] = []
        self.made: dict[Any, int] = {}
        self.symbols: dict[str, Any] = {}

    def run(self, expr: Any) -> int:
        """Return the node of an expression. No recursion: it may be of any depth."""
        waiting: list[tuple[Any, _Term | None]] = [(expr, None)]
        known: dict[int, Any] = {}  # id(expr) -> node or condition
        kept: list[Any] = []  # what has these ids must live as long as they are known
        while waiting:
            what, term = waiting.pop()
            if id(what) in known:
                continue
            if term is None:
                term = _term(what)
                if term.head not in _KNOWN and term.head not in _rows():
                    raise _refusal(term.head)
                kept += what, term
                waiting.append((what, term))
                waiting += ((arg, None) for arg in reversed(term.args))
            else:
                known[id(what)] = self.lower(term, [known[id(arg)] for arg in term.args])
        output = known[id(expr)]
        if not isinstance(output, int):
            hint = "Piecewise((1, condition), (0, True)) is one; of an equation, expr.lhs or expr.rhs"
            raise ParseError("a condition is no number", hint=hint)
        return output

    def make(self, what: Op | str | float, *operands: int) -> int:
        """Return the node of an operation or a leaf."""
        key = (what, operands)
        if key not in self.made:
            self.made[key] = len(self.nodes)
            self.nodes.append(key)
        return self.made[key]

    def lower(self, term: _Term, operands: list[Any]) -> Any:
        """Return the node of a term whose operands are lowered, or the condition that it is."""
        head = term.head
        if head in _LEAVES:
            return _LEAVES[head](self, term.leaf)
        if head in _BOOLEANS:
            return _Condition(_BOOLEANS[head], tuple(map(_as_condition, operands)))
        if head == "ExprCondPair":
            return operands[0], _as_condition(operands[1])
        if head == "Piecewise":
            return self.piecewise(operands)
        nodes = [_as_number(x) for x in operands]
        match head, nodes:
            case "Add", _:
                return self.sum_of(list(zip(term.leaf, nodes, strict=True)))
            case "Mul", _:
                return self.quotient(nodes[: term.leaf], nodes[term.leaf :])
            case "Pow", (base, exponent):
                return self.make(OPS["pow"], base, exponent)
            case "sqrt", (x,):
                return self.make(OPS["sqrt"], x)
            case "UnevaluatedExpr", (x,):
                return x
            case "log", (x, base):
                return self.make(OPS["div"], self.make(OPS["log"], x), self.make(OPS["log"], base))
            case (("Equality" | "Unequality"), (x, y)):
                same = _Condition("and", tuple(self.compare(name, x, y) for name in ("le", "ge")))
                return same if head == "Equality" else _Condition("not", (same,))
        return self.call(head, nodes)

    def call(self, head: str, nodes: list[int]) -> Any:
        """Return the node of a function of SymPy's that a row of the table is."""
        op = _rows()[head]
        if len(nodes) != op.arity and not (op.variadic and len(nodes) > op.arity):
            if op.variadic and len(nodes) == 1:
                return nodes[0]
            raise ParseError(f"{head} has {len(nodes)} operands in SymPy, and {op.arity} here")
        node = self.make(op, *nodes)
        return _Condition("is", (node,)) if op.condition else node

    def compare(self, name: str, x: int, y: int) -> _Condition:
        """Return a comparison."""
        return _Condition("is", (self.make(OPS[name], x, y),))

    def sum_of(self, terms: list[tuple[bool, int]]) -> int:
        """Return the node of a sum. terms: whether it is subtracted, and the node of it."""
        first = next((i for i, (negative, _) in enumerate(terms) if not negative), 0)
        terms.insert(0, terms.pop(first))
        negative, total = terms[0]
        if negative:
            total = self.make(OPS["neg"], total)
        for negative, term in terms[1:]:
            total = self.make(OPS["sub" if negative else "add"], total, term)
        return total

    def quotient(self, above: list[int], below: list[int]) -> int:
        """Return the node of a product over a product."""
        minus = self.made.get((OPS["neg"], (self.made.get((1.0, ()), -1),)), -1)
        negative = above[:1] == [minus] and len(above) + len(below) > 1
        top = self.product(above[negative:])
        if below:
            top = self.make(OPS["div"], top, self.product(below))
        return self.make(OPS["neg"], top) if negative else top

    def product(self, factors: list[int]) -> int:
        """Return the node of a product, 1 of none."""
        product = factors[0] if factors else self.make(1.0)
        for factor in factors[1:]:
            product = self.make(OPS["mul"], product, factor)
        return product

    def number(self, value: float) -> int:
        """Return the node of a number, which carries no sign in the text."""
        node = self.make(abs(float(value)))
        return self.make(OPS["neg"], node) if value < 0 else node

    def rational(self, ratio: tuple[int, int]) -> int:
        """Return the node of p/q."""
        try:
            above, below = (float(x) for x in ratio)
        except OverflowError:
            raise ParseError("a number is beyond 1.79769e308") from None
        node = self.make(abs(above))
        if below != 1:
            node = self.make(OPS["div"], node, self.make(below))
        return self.make(OPS["neg"], node) if above < 0 else node

    def decimal(self, value: Any) -> int:
        """Return the node of a Float, which is rounded to a double."""
        number = float(value)
        if number in (float("inf"), float("-inf")):
            raise ParseError("a number is beyond 1.79769e308")
        return self.number(number)

    def symbol(self, symbol: Any) -> int:
        """Return the node of a symbol. Raises ParseError where it has no name here."""
        name = canonical_name(normalise(symbol.name))
        if not is_name(name):
            raise ParseError(
                f"the symbol {symbol.name} has no name that a program can have",
                hint="rename it: expr.xreplace({symbol: Symbol('x_1')})",
            )
        if name in CONSTANTS:
            raise ParseError(
                f"the symbol {name} has the name of a constant",
                hint=f"rename it: expr.xreplace({{symbol: Symbol('{name}_1')}})",
            )
        if self.symbols.setdefault(name, symbol) != symbol:
            raise ParseError(
                f"two symbols that are not the same have the name {name}",
                hint=f"rename one: expr.xreplace({{symbol: Symbol('{name}_2')}})",
            )
        return self.make(name)

    def piecewise(self, pairs: list[Any]) -> int:
        """Return the node of values with their conditions, the first of which that holds counts."""
        value, condition = pairs[-1]
        if condition.kind != "true":
            raise ParseError(
                "a Piecewise has no value where none of its conditions holds",
                hint="give it a last pair: Piecewise((x, x > 0), (0, True))",
            )
        value = _as_number(value)
        for branch, condition in reversed(pairs[:-1]):
            value = self.select(condition, _as_number(branch), value)
        return value

    def select(self, condition: _Condition, yes: int, no: int) -> int:
        """Return the node of yes where the condition holds, and no elsewhere."""
        waiting = [self.selecting(condition, yes, no)]
        result: Any = None
        while waiting:
            try:
                asked = waiting[-1].send(result)
                waiting.append(self.selecting(*asked))
                result = None
            except StopIteration as end:
                waiting.pop()
                result = end.value
        return int(result)

    def selecting(
        self, condition: _Condition, yes: int, no: int
    ) -> Generator[tuple[_Condition, int, int], int, int]:
        """Ask for the nodes of parts of a condition, and return that of the whole."""
        kind, parts = condition
        if kind in ("true", "false"):
            return yes if kind == "true" else no
        if kind == "not":
            return (yield parts[0], no, yes)
        if kind == "is":
            return self.make(OPS["where"], parts[0], yes, no)
        if kind == "ite":
            condition, then, otherwise = parts
            return (yield condition, (yield then, yes, no), (yield otherwise, yes, no))
        for part in reversed(parts):
            if kind == "and":
                yes = yield part, yes, no
            else:
                no = yield part, yes, no
        return yes if kind == "and" else no

    def statements(self, output: int) -> Iterator[Statement]:
        """Yield the statements of a program; in a long one, what is used twice has a name."""
        names = self.names(output)
        for node in (*names, output):
            code = self.code(node, names)
            yield Statement(names.get(node), code, 0, 0)

    def code(self, output: int, names: dict[int, str]) -> tuple[Any, ...]:
        """Return postfix code of a node. names: those of other nodes that have one."""
        backwards: list[tuple[Any, int]] = []
        waiting = [output]
        while waiting:
            node = waiting.pop()
            what, operands = self.nodes[node]
            if node != output and node in names:
                what, operands = names[node], ()
            backwards.append((what, len(operands)))
            waiting += operands
        return tuple(entry for what, arity in reversed(backwards) for entry in (what, arity, 0, 0))

    def names(self, output: int) -> dict[int, str]:
        """Return names of nodes that are used twice, where the program would be long without them."""
        sizes: list[int] = []
        uses: defaultdict[int, int] = defaultdict(int)
        for _, operands in self.nodes:
            sizes.append(min(1 + sum(sizes[x] for x in operands), _LONG + 1))
            for operand in operands:
                uses[operand] += 1
        if sizes[output] <= _LONG:
            return {}
        taken = set(self.symbols)
        free = (name for i in range(1, len(self.nodes) + len(taken) + 2) if (name := f"s{i}") not in taken)
        return {
            node: next(free)
            for node, (what, operands) in enumerate(self.nodes)
            if uses[node] > 1 and operands and not getattr(what, "condition", False) and node != output
        }


_BOOLEANS = {
    "And": "and",
    "Or": "or",
    "Not": "not",
    "ITE": "ite",
    "BooleanTrue": "true",
    "BooleanFalse": "false",
}
_LEAVES: dict[str, Any] = {
    "Symbol": _Lowering.symbol,
    "Rational": _Lowering.rational,
    "Float": _Lowering.decimal,
    "Pi": lambda lowering, _leaf: lowering.make("pi"),
    "Exp1": lambda lowering, _leaf: lowering.make(OPS["exp"], lowering.make(1.0)),
}
_KNOWN = {
    *_LEAVES, *_BOOLEANS, "Add", "Mul", "Pow", "sqrt", "Piecewise", "ExprCondPair", "UnevaluatedExpr",
    "Equality", "Unequality",
}  # fmt: skip


@cache
def _rows() -> dict[str, Op]:
    """Return the row that a class of SymPy's is, by the name of the class."""
    return {**FUNCTIONS, **{op.sympy_class: op for op in TABLE if op.sympy_class}}


def _as_number(operand: Any) -> int:
    if not isinstance(operand, int):
        raise ParseError("a condition stands where a number is expected", hint="Piecewise takes conditions")
    return operand


def _as_condition(operand: Any) -> _Condition:
    if not isinstance(operand, _Condition):
        raise ParseError("a number stands where a condition is expected", hint="x > 0 is a condition")
    return operand


def _refusal(head: str) -> ParseError:
    known = "backprop ops lists the functions; expr.rewrite(...) or expr.subs(...) may write it in them"
    hint = _HINTS.get(head, known)
    return ParseError(f"SymPy's {head} is not in the language", hint=hint)
