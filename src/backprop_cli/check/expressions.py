"""Statements to sympy expressions, unevaluated: what was written is what stands in the tree.

sympy has no subtraction, division, negation or square root of its own. They are written so that no
program text gives the same tree another way, since a number in the text never carries a sign and is
never a fraction; so the tree tells as much as the graph, and a test compares the two:

    a - b    Add(a, Mul(b, -1))        -a         Mul(-1, a)
    a / b    Mul(a, Pow(b, -1))        sqrt(a)    Pow(a, 1/2)

Equal subexpressions are one object. So are the uses of a name: a statement refers to the expression itself.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sympy import Add, Float, Function, Integer, Mul, Pow, Rational, S, Symbol
from sympy.core.basic import Basic

from backprop_cli.errors import LimitError
from backprop_cli.language.code import fold
from backprop_cli.operations.op import Op

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sympy.core.expr import Expr

    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.code import Code, Span
    from backprop_cli.language.source import Source

HALF = S.Half
MINUS_ONE = S.NegativeOne


class Program(NamedTuple):
    """A program as sympy expressions.

    statements: (name or None, expression) in order, without those that only give a default.
    inputs: name -> symbol, in order of first use.
    spans: id(expression) -> where it stands in the text first.
    formulas: further expressions in the names of the program, as they are known at its end.
    """

    source: Source
    statements: list[tuple[str | None, Expr]]
    inputs: dict[str, Expr]
    spans: dict[int, tuple[int, int]]
    output: Expr
    formulas: tuple[Expr, ...] = ()


@cache
def head(op: Op) -> Any:
    """Return the class of sympy that stands for a function: sympy's own, or a new one of that name."""
    import sympy

    if op.sympy_class:
        return getattr(sympy, op.sympy_class)
    return type(op.name, (Function,), {"__module__": __name__})


def parse_source(source: Source, formulas: Sequence[Code] = ()) -> Program:
    """Build the expressions of a program. formulas: the code of further expressions in its names."""
    builder = _Builder()
    inputs = {name: Symbol(name, real=True) for name in source.inputs}
    environment: dict[str, Any] = dict(inputs)
    for symbol, span in zip(inputs.values(), source.inputs.values(), strict=True):
        builder.spans[id(symbol)] = span
    statements: list[tuple[str | None, Expr]] = []
    output: Any = S.Zero
    for statement in source.statements:
        name = statement.name
        if name is not None and source.defaults.get(name) is statement:
            output = environment[name]
            continue
        output = builder.build(statement.code, environment)
        statements.append((name, output))
        if name is not None:
            environment[name] = output
    spans, builder.spans = builder.spans, {}  # formulas have no place in the text
    more = tuple(builder.build(code, environment) for code in formulas)
    return Program(source, statements, inputs, spans, output, more)


class _Builder:
    """Makes expressions of postfix code, and keeps equal ones as one object."""

    def __init__(self) -> None:
        self.made: dict[Any, Any] = {}
        self.spans: dict[int, tuple[int, int]] = {}

    def build(self, code: Code, environment: dict[str, Any]) -> Any:
        def leaf(what: str | float, span: Span) -> Any:
            known = environment.get(what) if isinstance(what, str) else None
            return self.keep(what, [], span) if known is None else known

        return fold(code, leaf, self.keep)

    def keep(self, what: Op | str | float, operands: list[Any], span: Span) -> Any:
        """Return the expression of an operation or a leaf, made where it stands first."""
        key = (what.name, *map(id, operands)) if isinstance(what, Op) else what
        expr = self.made.get(key)
        if expr is None:
            expr = self.made[key] = _make(what, operands)
            self.spans[id(expr)] = span
        return expr


def _make(what: Op | str | float, operands: list[Any]) -> Any:
    if isinstance(what, str):
        return S.Pi if what == "pi" else node(Mul, Integer(2), S.Pi)
    if isinstance(what, Fraction):
        return Rational(what.numerator, what.denominator)
    if not isinstance(what, Op):
        return Integer(int(what)) if what.is_integer() and what < 1e15 else Float(what)
    match what.name, operands:
        case "add", (a, b):
            return node(Add, a, b)
        case "sub", (a, b):
            return node(Add, a, node(Mul, b, MINUS_ONE))
        case "mul", (a, b):
            return node(Mul, a, b)
        case "div", (a, b):
            return node(Mul, a, node(Pow, b, MINUS_ONE))
        case "neg", (a,):
            return node(Mul, MINUS_ONE, a)
        case "pow", (a, b):
            return node(Pow, a, b)
        case "sqrt", (a,):
            return node(Pow, a, HALF)
    return node(head(what), *operands)


_LONGEST = 2_000  # operations; SymPy compares each with all that it is added to


def graph_expression(graph: Graph) -> Expr:
    """Return a program as SymPy's own functions, of real symbols; numbers are doubles.

    Raises LimitError for a program that is too long for SymPy.
    """
    if len(graph.ops) > _LONGEST:
        raise LimitError(f"a program of more than {_LONGEST:,} operations is too long for sympy")
    made: list[Any] = []
    symbols = {node: Symbol(name, real=True) for name, node in graph.inputs.items()}
    for place, (op, operands) in enumerate(zip(graph.ops, graph.operands, strict=True)):
        if op is not None:
            made.append(_evaluated(op, [made[operand] for operand in operands]))
        else:
            made.append(symbols[place] if place in symbols else _make(graph.numbers[place], []))
    return made[graph.output]


def _evaluated(op: Op, operands: list[Any]) -> Any:
    """Return what SymPy makes of an operation."""
    import sympy

    name = {"max": "Max", "min": "Min"}.get(op.name, op.sympy_class)
    return getattr(sympy, name)(*operands) if name else op.symbolic(sympy, *operands)


def node(kind: Any, *operands: Any) -> Any:
    """Return the sympy expression kind(operands), unevaluated.

    sympy's own constructors with evaluate=False hash their operands, which recurses over a deep tree, and
    take four times as long (10 against 2.3 µs).
    """
    expr = Basic.__new__(kind, *operands)
    if kind is Add or kind is Mul or kind is Pow:
        expr.is_commutative = True
    return expr
