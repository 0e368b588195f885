"""Sympy's side of the check: the program as elementary functions, its derivatives, and their values.

Everything here is derived from ``Op.symbolic``, sympy's own rules and the parsed expressions. It shares
neither the partials of the operation table nor the graph with the sweeps that it is compared with.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial, reduce
from operator import is_
from typing import TYPE_CHECKING, Any, NamedTuple

import sympy
from sympy import Add, Mul, Pow, Rational, S, Symbol

from backprop_cli.check.expressions import HALF, MINUS_ONE, Program, head, node
from backprop_cli.operations.table import OPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.operations.bounded import RoundingNamespace
    from backprop_cli.operations.op import Number


class NoFormulaError(Exception):
    """Sympy's formula contains something that has no number."""


class TooFewDigitsError(NoFormulaError):
    """Sympy's formula has no number at this point, as far as these digits can tell."""


_DEFINITIONS = {head(op): op.symbolic for op in OPS.values() if not op.infix or op.condition}

# Derived from a definition that has no value at the integers; evaluated as themselves.
_STEPPED = (sympy.floor, sympy.ceiling)

# Of a decision by what is itself decided sympy solves the inequality, for seconds or minutes.
_DECISIONS = {head(op) for op in OPS.values() if op.piecewise}.union(_STEPPED)

_DECIDING = {head(op) for op in OPS.values() if op.takes_condition}

_REPEATING = {head(op) for op in OPS.values() if op.composite}

_FOLDED = {head(op) for op in OPS.values() if op.variadic}

# Numbers up to this size stay numbers in formulas. Others become symbols with the text of the number as
# their name, since sympy would compute with them exactly: 9**9**9 has 370 million digits.
_SMALL = 1000
_MOST_DEGREE = 100


def define(kind: Any, args: tuple[Any, ...]) -> Any:
    """Return kind(args) in elementary functions, evaluated by sympy."""
    if kind is Add or kind is Mul or kind is Pow:
        return kind(*args)
    return _DEFINITIONS[kind](sympy, *args)


class Extent(NamedTuple):
    """How large an expression is as a tree, how deep, and how deep its decisions are nested."""

    size: int
    depth: int
    decisions: int


def measure(expr: Any) -> Extent:
    """Return the extent of an expression."""
    extents: dict[int, Extent] = {}
    for part in walk(expr):
        below = [extents[id(arg)] for arg in part.args]
        # The tree may be exponentially larger than the expression; past a bound its size does not matter.
        # A definition such as x/(1 + exp(-x)) repeats its operand, and its derivative does more so. That of
        # floor becomes 0, beside which sympy asks of all other factors whether they are finite.
        weight = 3 if type(part) in _REPEATING else 8 if type(part) in _STEPPED else 1
        extents[id(part)] = Extent(
            min(1 + weight * sum(extent.size for extent in below), 1 << 60),
            1 + max((extent.depth for extent in below), default=0),
            (type(part) in _DECISIONS) * (len(part.args) - 1 if type(part) in _FOLDED else 1)
            + max((extent.decisions for extent in below), default=0),
        )
    return extents[id(expr)]


def walk(expr: Any) -> list[Any]:
    """Return the distinct parts of an expression, operands first."""
    order: list[Any] = []
    seen: set[int] = set()
    stack = [(expr, False)]
    while stack:
        part, done = stack.pop()
        if done:
            order.append(part)
        elif id(part) not in seen:
            seen.add(id(part))
            stack.append((part, True))
            stack.extend((arg, False) for arg in reversed(part.args))
    return order


def in_pairs(expr: Any) -> Any:
    """Return an expression with max and min of two operands each: max(max(a, b), c).

    Sympy's nested Piecewise of five operands take 2 s, of eight more than 40 s.
    """
    parts = walk(expr)
    if not any(type(part) in _FOLDED and len(part.args) > 2 for part in parts):
        return expr
    done: dict[int, Any] = {}
    for part in parts:
        kind, args = type(part), [done[id(arg)] for arg in part.args]
        if kind in _FOLDED and len(args) > 2:
            done[id(part)] = reduce(partial(node, kind), args)
        elif all(map(is_, args, part.args)):
            done[id(part)] = part
        else:
            done[id(part)] = node(kind, *args)
    return done[id(expr)]


class Elementary:
    """The output of a program in elementary functions of its inputs.

    expr: the evaluated sympy expression.  placeholders: symbol -> the unevaluated constant it stands for.
    held: parts of the program that stand as symbols of their own, id(part) -> symbol.
    """

    def __init__(self, program: Program, held: Mapping[int, Any] | None = None) -> None:
        self.placeholders: dict[Any, Any] = {}
        self._program = program
        self._degree: dict[Any, int] = {}
        inputs = {id(symbol) for symbol in program.inputs.values()}
        done: dict[int, Any] = {}
        varies: dict[int, bool] = {}
        for part in walk(program.output):
            varies[id(part)] = id(part) in inputs or any(varies[id(arg)] for arg in part.args)
            args = tuple(done[id(arg)] for arg in part.args)
            symbol = held and held.get(id(part))
            done[id(part)] = symbol or self._rebuild(part, args, constant=not varies[id(part)])
        self.expr = done[id(program.output)]

    def _rebuild(self, part: Any, args: tuple[Any, ...], *, constant: bool) -> Any:
        if not args:
            return self._number(part) if part.is_number else part
        kind = type(part)
        if kind is Pow:
            base, exponent = args
            if constant and exponent not in (MINUS_ONE, HALF):
                return self._placeholder(part)
            if exponent.is_Integer:
                # ((3*x)**1000)**1000 would raise 3 to the millionth.
                degree = abs(int(exponent)) * self._degree_of(base)
                if degree > _MOST_DEGREE:
                    # In 2^(710/y^0) it is a number here alone, and no constant of the program.
                    written = part.args[1]
                    args = (base, self._placeholder(exponent if written.free_symbols else written))
                else:
                    self._degree[Pow(*args)] = degree
        if constant and kind in _STEPPED:
            return self._placeholder(part)
        result = define(kind, args)
        if constant and result.is_Rational and not _is_small(result):
            return self._placeholder(part)
        return result

    def _degree_of(self, expr: Any) -> int:
        return max((self._degree.get(part, 1) for part in (expr, *expr.args)), default=1)

    def _number(self, number: Any) -> Any:
        if number.is_Float:
            exact = Rational(float(number))
            return exact if _is_small(exact) else self._placeholder(number)
        return number if not number.is_Rational or _is_small(number) else self._placeholder(number)

    def _placeholder(self, constant: Any) -> Any:
        start, end = self._program.spans.get(id(constant), (0, 0))
        text = self._program.source.text[start:end] or str(constant)
        symbol = Symbol(text if text.replace(".", "").isalnum() else f"({text})", real=True)
        self.placeholders[symbol] = constant
        return symbol

    def derivative(self, symbol: Any) -> Any:
        """Return the formula of ∂output/∂symbol."""
        return _derivative(self.expr, symbol)

    def constants(self, m: RoundingNamespace) -> dict[Any, Number]:
        """Return placeholder -> its value."""
        return {
            symbol: evaluate_steps(walk(pairs), {}, m)[id(pairs)]
            for symbol, constant in self.placeholders.items()
            for pairs in [in_pairs(constant)]
        }


def _is_small(number: Any) -> bool:
    return bool(abs(number.p) <= _SMALL and number.q <= 1024)


def evaluate(
    expr: Any, values: dict[Any, Number], m: RoundingNamespace, memo: dict[Any, Number] | None = None
) -> Number:
    """Return the value of a sympy expression in the number system m.

    values: symbol -> number.  Of a Piecewise only the branch that holds is evaluated. Recurses over the
    expression: formulas are kept below a bounded depth.
    Raises NoFormulaError, ArithmeticError or ValueError.
    """
    memo = {} if memo is None else memo
    known = memo.get(expr)
    if known is not None:
        return known
    result = _evaluate(expr, values, m, memo)
    memo[expr] = result
    return result


def _evaluate(expr: Any, values: dict[Any, Number], m: RoundingNamespace, memo: dict[Any, Number]) -> Number:
    if expr.is_Symbol:
        value = values[expr]
        if value is None:
            raise TooFewDigitsError("sympy's formula has no value here")
        return value
    if expr.is_Rational:
        if expr.q == 1:
            return m.number(int(expr))
        return m.number(int(expr.p)) / m.number(int(expr.q))
    if expr is S.Pi:
        return m.pi
    if expr is S.Exp1:
        return m.exp(m.one)
    if isinstance(expr, sympy.Piecewise):
        for branch, condition in expr.args:
            if _holds(condition, values, m, memo):
                return evaluate(branch, values, m, memo)
        raise NoFormulaError("no branch of a Piecewise holds")
    if expr.is_Pow:
        return _power(expr, values, m, memo)
    args = [evaluate(arg, values, m, memo) for arg in expr.args]
    if expr.is_Add or expr.is_Mul:
        total = args[0]
        for arg in args[1:]:
            total = total + arg if expr.is_Add else total * arg
        return total
    if type(expr) is sympy.cot:
        sine = m.sin(args[0])
        if sine.size <= sine.error + 1:
            raise TooFewDigitsError("sympy's formula has no value here")  # floor, at an integer
        return m.cos(args[0]) / sine
    if type(expr) in _SPECIAL:
        return m.special(_SPECIAL[type(expr)], *args)
    function = _FUNCTIONS.get(type(expr))
    if function is None:
        raise NoFormulaError(f"sympy's formula contains {type(expr).__name__}")
    return getattr(m, function)(*args)


def _power(expr: Any, values: dict[Any, Number], m: RoundingNamespace, memo: dict[Any, Number]) -> Number:
    base = evaluate(expr.args[0], values, m, memo)
    exponent = expr.args[1]
    if exponent is HALF:
        return m.sqrt(base)
    if exponent.is_Rational and exponent < 0:
        return m.one / _power_of(base, -exponent, values, m, memo)
    return _power_of(base, exponent, values, m, memo)


def _power_of(
    base: Number, exponent: Any, values: dict[Any, Number], m: RoundingNamespace, memo: dict[Any, Number]
) -> Number:
    if exponent is S.One:
        return base
    if exponent is HALF:
        return m.sqrt(base)
    return m.pow(base, evaluate(exponent, values, m, memo))


_RELATIONS = {
    sympy.StrictLessThan: "lt",
    sympy.LessThan: "le",
    sympy.StrictGreaterThan: "gt",
    sympy.GreaterThan: "ge",
    sympy.Equality: "eq",
}

_SPECIAL: dict[Any, str] = {
    sympy.gamma: "gamma",
    sympy.loggamma: "lgamma",
    sympy.polygamma: "polygamma*",
    sympy.besselj: "besselj*",
    sympy.LambertW: "lambertw",
    sympy.erfinv: "erfinv",
}

_FUNCTIONS: dict[Any, str] = {
    **_RELATIONS,
    **{
        getattr(sympy, name): name
        for name in (
            *("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sign", "floor"),
            *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc"),
        )
    },
    sympy.Abs: "abs",
    sympy.ceiling: "ceil",
}


def _holds(condition: Any, values: dict[Any, Number], m: RoundingNamespace, memo: dict[Any, Number]) -> bool:
    if condition is S.true or condition is S.false:
        return bool(condition)
    if isinstance(condition, sympy.And):
        return all(_holds(part, values, m, memo) for part in condition.args)
    if isinstance(condition, sympy.Or):
        return any(_holds(part, values, m, memo) for part in condition.args)
    if isinstance(condition, sympy.ITE):
        test, yes, no = condition.args
        return _holds(yes if _holds(test, values, m, memo) else no, values, m, memo)
    if isinstance(condition, sympy.Not):
        return not _holds(condition.args[0], values, m, memo)
    if isinstance(condition, sympy.Ne):
        return not _holds(sympy.Eq(*condition.args, evaluate=False), values, m, memo)
    verdict = evaluate(condition, values, m, memo)
    if not getattr(verdict, "is_exact", True):  # the other side of the boundary is within rounding
        raise TooFewDigitsError("a condition of sympy's formula is too close to call")
    return bool(verdict)


class Steps:
    """The program as a chain of single steps, each derived by sympy on its own.

    For programs whose derivative as one formula would be too large: the partials of each step come from
    sympy, and the chain rule is summed over them here.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.output = in_pairs(program.output)
        self.order = walk(self.output)
        self.varies: set[int] = {id(symbol) for symbol in program.inputs.values()}
        for part in self.order:
            if any(id(arg) in self.varies for arg in part.args):
                self.varies.add(id(part))

    def gradients(
        self, point: dict[str, Number], seed: Number, m: RoundingNamespace
    ) -> tuple[Number, dict[str, Number]]:
        """Return the value, and seed · ∂output/∂input for every input.

        Raises NoFormulaError, ArithmeticError or ValueError.
        """
        inputs = self.program.inputs
        values = evaluate_steps(self.order, {id(symbol): point[name] for name, symbol in inputs.items()}, m)
        output = id(self.output)
        adjoint: dict[int, Number] = {output: seed}
        for part in reversed(self.order):
            bar = adjoint.get(id(part))
            if bar is None or not part.args:
                continue
            for arg, slope in zip(part.args, self._slopes(part, values, m), strict=True):
                if slope is not None:
                    contribution = bar * slope
                    sofar = adjoint.get(id(arg))
                    adjoint[id(arg)] = contribution if sofar is None else sofar + contribution
        if values[output] is None:
            raise TooFewDigitsError("sympy's formula has no value here")
        return values[output], {name: adjoint.get(id(symbol), m.zero) for name, symbol in inputs.items()}

    def _slopes(self, part: Any, values: dict[int, Number], m: RoundingNamespace) -> list[Number | None]:
        """Return the partials of one step; None for constants and for operands that are cut off."""
        template = _derive_step(part)
        bound = _bind(template, part, values)
        memo: dict[Any, Number] = {}
        slopes: list[Number | None] = []
        for derivative, arg in zip(template.derivatives, part.args, strict=True):
            if derivative is S.Zero or id(arg) not in self.varies:
                slopes.append(None)
                continue
            slope = evaluate(derivative, bound, m, memo)
            slopes.append(slope if slope else None)
        return slopes


class _Template(NamedTuple):
    """One step in symbols: its definition, its derivative by each operand, and symbol -> place of operand."""

    definition: Any
    derivatives: tuple[Any, ...]
    places: dict[Any, int]


_templates: dict[tuple[Any, ...], _Template] = {}


def _derive_step(part: Any) -> _Template:
    """Return the template of a step, derived once per kind.

    Small exponents stay numbers, so that x**2 is derived as 2*x and not as x**2*2/x.
    """
    kind, count = type(part), len(part.args)
    exponent = part.args[1] if kind is Pow else None
    kept = exponent if exponent is not None and exponent.is_Rational and _is_small(exponent) else None
    template = _templates.get((kind, count, kept))
    if template is None:
        symbols = {Symbol(f"t{place}", real=True): place for place in range(count if kept is None else 1)}
        args = (*symbols,) if kept is None else (*symbols, kept)
        definition = define(kind, (sympy.Gt(args[0], 0), *args[1:]) if kind in _DECIDING else args)
        derivatives = tuple(
            _derivative(definition, arg) if arg.is_Symbol and not definition.is_Relational else S.Zero
            for arg in args
        )
        value = kind(*args) if kind in _STEPPED else definition
        template = _templates[kind, count, kept] = _Template(value, derivatives, symbols)
    return template


_x = sympy.Wild("x")
_squared_cosecant = sympy.Function("squared_cosecant")


def _derivative(expr: Any, symbol: Any) -> Any:
    formula = expr.diff(symbol)
    if formula.has(sympy.cot):
        # floor is defined by cot, whose derivative brings -(cot² + 1)/(cot² + 1): written in 1/sin², sympy
        # cancels it by itself. sympy.cancel would take seconds on a long formula.
        formula = formula.replace(sympy.cot(_x) ** 2, _squared_cosecant(_x) - 1)
    return formula


def formula_text(formula: Any) -> str:
    """Return a formula as text, with floor where its definition stands."""
    if formula.has(sympy.cot):
        fraction = sympy.pi * (S.Half + sympy.floor(_x) - _x)
        formula = formula.replace(sympy.atan(sympy.cot(sympy.pi * _x)), fraction)
    return str(formula)


def _bind(template: _Template, part: Any, values: dict[int, Number]) -> dict[Any, Number]:
    args = part.args
    return {symbol: values[id(args[place])] for symbol, place in template.places.items()}


def _leaf(number: Any) -> Fraction | float:
    """Return a number of a program: the double that it is, or the fraction that is written."""
    return Fraction(int(number.p), int(number.q)) if number.is_Rational else float(number)


def evaluate_steps(order: list[Any], given: dict[int, Number], m: RoundingNamespace) -> dict[int, Number]:
    """Return id(part) -> value for the parts of an expression, None where there is none.

    order: as ``walk`` returns it.  given: id(symbol) -> value.
    """
    values = dict(given)
    for part in order:
        if id(part) in values:
            continue
        if not part.args:
            values[id(part)] = m.pi if part is S.Pi else m.number(_leaf(part))
            continue
        template = _derive_step(part)
        try:
            # A branch without a value does no harm where the other one is taken: only that one is evaluated.
            values[id(part)] = evaluate(template.definition, _bind(template, part, values), m)
        except (ArithmeticError, ValueError, NoFormulaError):
            values[id(part)] = None
    return values
