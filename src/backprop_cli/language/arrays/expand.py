"""A program with arrays, written out: every element of an array step becomes a statement of numbers.

The order of additions is the written one: sums run from left to right, in the order of the elements.
"""

from __future__ import annotations

from collections import Counter
from itertools import count as count_from
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from backprop_cli.diagnostic import Diagnostic
from backprop_cli.errors import InputError, LimitError, ShapeError
from backprop_cli.language.arrays import shapes
from backprop_cli.language.arrays.ops import ArrayCall
from backprop_cli.language.arrays.rules import RULES, Elements, Maker, loss_rule, power_rule, product_rule
from backprop_cli.language.arrays.shapes import Shape, element_names, shape_text
from backprop_cli.language.binding import ATOM, Piece, held, written
from backprop_cli.language.code import ArrayStep, Statement, Temporary, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.language.arrays.values import Array
    from backprop_cli.language.code import Code, Span
    from backprop_cli.operations.op import Op

MOST_STEPS = 4_000_000
"""Operations on numbers that a program may come to: some 6 s and 3 GB."""
_PRODUCTS = ("matmul", "dot")
_MOVES = ("index", "T", "transpose", "array", "ravel", "reshape", "concatenate")
"""No operations: elements in another order."""
_FEW, _BIG = 60, 1e15
_MOST_WRITTEN = 6


class Program(NamedTuple):
    """A program with arrays as it is resolved, and then of numbers alone; see ``Source``."""

    text: str
    statements: list[Statement]
    inputs: dict[str, Span]
    defaults: dict[str, Statement]
    shapes: dict[str, Shape]
    steps: tuple[ArrayStep, ...]
    warnings: tuple[Diagnostic, ...]
    labels: frozenset[str]


def has_arrays(statements: Iterable[Statement]) -> bool:
    """Tell whether a program uses an array function, an index or a list."""
    return any(type(what) is ArrayCall for statement in statements for what in statement.code[::4])


def expand_program(program: Program, known: Mapping[str, Array], *, array_output: bool = False) -> Program:
    """Return a program of numbers alone.

    known: the inputs with their shapes, () of one that is a number; an input that is not there is taken for a
    number, too, but not as the operand of what needs an array.

    Raises InputError for shapes that do not fit and an output that is not one number, ShapeError for an input
    whose shape is needed, LimitError for a program that is too long.
    array_output: whether the output may be an array that has a name.
    """
    return _Expansion(program, known).run(array_output=array_output)


class _Value(NamedTuple):
    """What an expression comes to. codes: of its elements, in the order of rows.

    call: the operation that it is made by, "" where its elements have names already.
    text: how it is written, with the names of its operands.  is_assumed: whether its shape is.
    binding: how tightly the text holds together.
    """

    shape: Shape
    codes: list[Code]
    call: str = ""
    text: str = ""
    backward: str = ""
    is_assumed: bool = False
    binding: int = ATOM

    @property
    def is_array(self) -> bool:
        return bool(self.shape)


class _Expansion:
    """The statements as they are written out. environment: what each name stands for."""

    def __init__(self, source: Program, known: Mapping[str, Array]) -> None:
        self.source = source
        self.statements: list[Statement] = []
        self.steps: list[ArrayStep] = []
        self.warnings: list[Diagnostic] = []
        self.inputs: dict[str, Span] = {}
        self.defaults: dict[str, Statement] = {}
        self.shapes: dict[str, Shape] = {}
        self.environment: dict[str, _Value] = {}
        self.size = 0
        self.known = known
        names = {statement.name for statement in source.statements} | source.inputs.keys()
        self.labels: set[str] = set()
        self.uses: Counter[str] = Counter()
        self.kept = count_from(1)
        self.free = (name for i in count_from(1) if (name := f"v{i}") not in names)

    def run(self, *, array_output: bool) -> Program:
        source = self.source
        for name, span in source.inputs.items():
            if name in self.known or name not in source.defaults:
                shape = self.known[name].shape if name in self.known else ()
                self.add_input(name, shape, span, is_assumed=name not in self.known)
            else:
                self.add_default(name, source.defaults[name], span)
        output = _Value((), [])
        last: Statement | None = None
        for last in source.statements:
            target = last.name
            if target is not None and source.defaults.get(target) is last:
                output = self.environment[target]
                self.restate(target)
            else:
                output = self.assign(target, self.evaluate(last.code), last)
                if target is not None:
                    self.environment[target] = output
        assert last is not None
        self.take_labels()
        if output.is_array and array_output and last.name is None:
            raise InputError(
                f"the output has the shape {shape_text(output.shape)} and no name",
                source.text,
                last.start,
                last.end,
                f"y = {source.text[last.start : last.end]}" if last.end - last.start <= _FEW else "y = …",
            )
        if output.is_array and not array_output:
            self.refuse_output(output, last)
        return source._replace(
            statements=self.statements,
            inputs=self.inputs,
            defaults=self.defaults,
            shapes=self.shapes,
            steps=tuple(self.steps),
            warnings=tuple(self.warnings),
            labels=frozenset(self.labels),
        )

    def take_labels(self) -> None:
        """Take labels out of the inputs: nothing is differentiated by the number of a class."""
        for name in self.labels:
            if self.uses[name] > 1:
                raise InputError(
                    f"{name} is a label, and so has no further use", hint="give a number another name"
                )
            for element in element_names(name, self.shapes.pop(name, ())):
                del self.inputs[element]

    def refuse_output(self, output: _Value, last: Statement) -> None:
        shown = last.name if last.name and len(last.name) < _FEW else None
        what = shown or self.source.text[last.start : last.end]
        what = what if len(what) <= _FEW and "\n" not in what else "…"
        raise InputError(
            f"the output has the shape {shape_text(output.shape)}, and gradients are of one number",
            self.source.text,
            last.start,
            last.end,
            f"sum({what}) or mean({what}) makes one",
        )

    # ---- names ----

    def add_input(self, name: str, shape: Shape, span: Span, *, is_assumed: bool) -> None:
        names = element_names(name, shape)
        self.charge(len(names), span)
        self.inputs |= dict.fromkeys(names, span)
        codes: list[Code] = [(element, 0, *span) for element in names]
        self.environment[name] = _Value(shape, codes, is_assumed=is_assumed)
        if shape:
            self.shapes[name] = shape

    def add_default(self, name: str, statement: Statement, span: Span) -> None:
        """Add an input with the value that the program gives it."""
        value = self.evaluate(statement.code)
        names = element_names(name, value.shape)
        self.inputs |= dict.fromkeys(names, span)
        for element, code in zip(names, value.codes, strict=True):
            self.defaults[element] = Statement(element, code, statement.start, statement.end)
        codes: list[Code] = [(element, 0, *span) for element in names]
        self.environment[name] = _Value(value.shape, codes)
        if value.shape:
            self.shapes[name] = value.shape

    def restate(self, name: str) -> None:
        """Let the statement of a default stand where it stood."""
        for element in element_names(name, self.environment[name].shape):
            if element in self.defaults:
                self.statements.append(self.defaults[element])

    def assign(self, name: str | None, value: _Value, statement: Statement) -> _Value:
        """Return the value as it is known from here on: its elements are statements, if it is of arrays."""
        span = statement.start, statement.end
        if name is None:
            if value.call:
                return self.settled(value, span)
            if value.is_array:
                return value
            self.statements += [Statement(None, code, *span) for code in value.codes]
            return value
        return self.emit(name, value, span)

    def settled(self, value: _Value, span: Span) -> _Value:
        """Return a value whose elements have names; those of a step without one are made up."""
        return self.emit(Temporary(next(self.free)), value, span) if value.call else value

    def emit(self, name: str, value: _Value, span: Span) -> _Value:
        """Add the statements of a value, and what is told of it as a step."""
        kind = type(name)
        names = [kind(element) for element in element_names(name, value.shape)]
        # y = [y[1], y[0]]: an element that is read is not yet the new one.
        values = [*map(self.keep, value.codes)] if _reads_new(names, value.codes) else value.codes
        if value.call or value.is_array:
            first = len(self.statements)
            self.steps.append(ArrayStep(name, value.shape, value.text, value.call, value.backward, first))
        self.statements += [
            Statement(element, code, *span) for element, code in zip(names, values, strict=True)
        ]
        codes: list[Code] = [(element, 0, *span) for element in names]
        return _Value(value.shape, codes, text=name, is_assumed=value.is_assumed)

    def count(self, operations: int, code: Sequence[Any]) -> None:
        """Count operations that the code of an element adds, before more of them are made."""
        self.charge(operations, code[-2:])

    def count_each(self, operands: Sequence[_Value], elements: int, span: Span) -> None:  # noqa: ARG002
        """Count an operation for each element, before they are made."""
        self.charge(elements, span)

    def charge(self, steps: int, span: Sequence[int]) -> None:
        self.foresee(steps, span)
        self.size += steps

    def foresee(self, steps: int, span: Sequence[int]) -> None:
        """Refuse steps that are too many, before they are made and counted."""
        if self.size + steps > MOST_STEPS:
            self.refuse(span)

    def refuse(self, span: Sequence[int]) -> NoReturn:
        raise LimitError(
            f"the program comes to more than {MOST_STEPS:,} operations on single numbers",
            self.source.text,
            span[0],
            span[1],
            "smaller arrays, or rows of data by backprop batch",
        )

    # ---- expressions ----

    def evaluate(self, code: Code) -> _Value:
        return fold(code, self.leaf, self.apply)

    def leaf(self, what: str | float, span: Span) -> _Value:
        known = self.environment.get(what) if isinstance(what, str) else None
        if known is not None:
            self.uses[str(what)] += 1
            codes = known.codes if known.shape else [(known.codes[0][0], 0, *span)]
            return known._replace(codes=codes, text=str(what))
        text = what if isinstance(what, str) else _number_text(what, self.source.text[slice(*span)])
        return _Value((), [(what, 0, *span)], text=text)

    def apply(self, what: Op | ArrayCall, operands: list[_Value], span: Span) -> _Value:
        try:
            if isinstance(what, ArrayCall):
                return self.array_call(what, operands, span)
            return self.each(what, operands, span)
        except ValueError as error:
            raise self.error(str(error), span) from None

    def each(self, op: Op, operands: list[_Value], span: Span) -> _Value:
        """Apply an operation on numbers, element by element as NumPy broadcasts."""
        if not any(value.is_array or value.call for value in operands):
            code = [entry for value in operands for entry in value.codes[0]]
            is_assumed = any(value.is_assumed for value in operands)
            text, binding = written(op, self.pieces(operands))
            whole = (*code, op, len(operands), *span)
            return _Value((), [whole], text=text, is_assumed=is_assumed, binding=binding)
        if not any(value.is_array for value in operands):
            operands = [self.settled(value, span) for value in operands]
            return self.each(op, operands, span)
        self.refuse_transpose(op, operands, span)
        operands = [self.settled(value, span) for value in operands]
        shape = shapes.broadcast([value.shape for value in operands])
        if shape is None:
            raise self.misfit(operands, span)
        self.warn_of_column(operands, shape, span)
        self.count_each(operands, prod(shape), span)
        columns = [[value.codes[place] for place in shapes.spread(value.shape, shape)] for value in operands]
        tail = (op, len(operands), *span)
        codes: list[Code] = [
            (*(entry for code in row for entry in code), *tail) for row in zip(*columns, strict=True)
        ]
        is_number = [_is_number(value) for value in operands]
        pieces = self.pieces(operands)
        backward = op.backward
        if op.name == "pow" and any(is_number):
            base, exponent = (held(piece, ATOM) for piece in pieces)
            backward = power_rule(base, exponent, constant=is_number.index(True))
        if any(
            value.shape != shape and not is_fixed for value, is_fixed in zip(operands, is_number, strict=True)
        ):
            backward += "; what is repeated gets the sum"
        return _Value(shape, codes, op.name, written(op, pieces).text, backward)

    def refuse_transpose(self, op: Op, operands: list[_Value], span: Span) -> None:
        """Refuse x^T where T is given no value: it is meant as the transpose."""
        if op.name == "pow" and operands[1].text == "T" and operands[1].is_assumed:
            base = operands[0].text or "x"
            raise self.error(
                "T has no value", span, f"the transpose is written {base}.T, a product of matrices @"
            )

    def array_call(self, call: ArrayCall, operands: list[_Value], span: Span) -> _Value:
        self.refuse_numbers(call, operands, span)
        operands = [self.settled(value, span) for value in operands]
        if call.name == "cross_entropy" and operands[1].shape == operands[0].shape[:-1]:
            operands[1] = self.label(operands[1], span)
        elements = [Elements(value.shape, value.codes) for value in operands]
        self.charge(sum(prod(value.shape) for value in operands), span)
        found = RULES[call.name](elements, call, Maker(span, self.count, self.foresee, self.keep))
        if len(found.shape) > shapes.MOST_AXES:
            raise ValueError(f"an array has up to {shapes.MOST_AXES} axes")
        if call.name in ("size", "len"):
            return _Value((), list(found.codes), text=f"{found.codes[0][0]:g}")
        if call.name == "array" and not any(value.is_array or value.is_assumed for value in operands):
            return _Value(found.shape, list(found.codes), text=self.written(call, operands))
        moves = call.name in _MOVES
        text = self.written(call, operands)
        if moves:
            return _Value(found.shape, list(found.codes), text=text)
        backward = call.op.backward
        if call.name in _PRODUCTS:
            backward = product_rule(elements, self.names(operands))
        elif call.name == "cross_entropy":
            backward = loss_rule(elements)
        return _Value(found.shape, list(found.codes), call.name, text, backward)

    def label(self, value: _Value, span: Span) -> _Value:
        """Return a label with its numbers, where it is an input that is given whole ones."""
        given = self.known.get(value.text)
        if given is None or value.text not in self.source.inputs or not given.values:
            return value
        if not all(x == int(x) for x in given.values if abs(x) < _BIG):
            return value
        if self.environment[value.text].codes != value.codes:
            return value
        self.labels.add(value.text)
        return value._replace(codes=[(x, 0, *span) for x in given.values])

    def keep(self, code: Code) -> Code:
        """Make a statement of a code, and return the code of its name."""
        name = Temporary(f"kept {next(self.kept)}")
        start, end = code[-2:]
        self.statements.append(Statement(name, code, start, end))
        return name, 0, start, end

    def refuse_numbers(self, call: ArrayCall, operands: list[_Value], span: Span) -> None:
        if call.index and not operands[0].is_array:
            name = operands[0].text or "this"
            raise ShapeError(f"{name} is one number, without elements", self.source.text, *span)
        for value in operands:
            if value.is_assumed and call.name != "array" and not value.is_array:
                name = value.text or "an operand"
                raise ShapeError(
                    f"{name} has no value, so it has no shape",
                    self.source.text,
                    *span,
                    f"write {name}=[1,2,3]; where no value is needed, {name}:3 or {name}:2x3",
                )

    def names(self, operands: Sequence[_Value]) -> list[str]:
        return [piece.text for piece in self.pieces(operands)]

    def pieces(self, operands: Sequence[_Value]) -> list[Piece]:
        return [
            Piece(value.text, value.binding) if len(value.text) <= _FEW else Piece("…", ATOM)
            for value in operands
        ]

    def written(self, call: ArrayCall, operands: Sequence[_Value]) -> str:
        if call.name == "array" and len(operands) > _MOST_WRITTEN:
            return "[…]"
        return call.write(self.names(operands))

    # ---- what is told ----

    def error(self, message: str, span: Span, hint: str = "") -> InputError:
        return InputError(message, self.source.text, *span, hint)

    def misfit(self, operands: Sequence[_Value], span: Span) -> InputError:
        texts = " and ".join(shape_text(value.shape) for value in operands)
        text = self.source.text[slice(*span)]
        where = f" at {text}" if len(text) <= _FEW and "\n" not in text else ""
        return self.error(
            f"the shapes {texts} do not fit{where}", span, "sizes are equal, or 1, from the last axis on"
        )

    def warn_of_column(self, operands: Sequence[_Value], shape: Shape, span: Span) -> None:
        """Warn of (n, 1) with (n,), which is (n, n): the classic slip."""
        found = {value.shape for value in operands}
        for column in found:
            if len(column) == 2 and column[1] == 1 and column[0] > 1 and (column[0],) in found:
                self.warnings.append(
                    Diagnostic(
                        "broadcast",
                        f"the shapes {shape_text(column)} and {shape_text(column[:1])} make "
                        f"{shape_text(shape)} here",
                        self.source.text,
                        (span,),
                        "if element goes with element, give both the same shape",
                    )
                )


def _number_text(number: float, text: str) -> str:
    """Return a number as it is written. text: where it stands, which may be a call that it is part of."""
    try:
        if float(text.replace("_", "")) == number:
            return text
    except ValueError:
        pass
    short = f"{number:.15g}"
    return short if float(short) == number else repr(number)


def _is_number(value: _Value) -> bool:
    """Tell whether a value is a number of the program, such as the 2 of x^2."""
    return len(value.codes) == 1 and len(value.codes[0]) == 4 and isinstance(value.codes[0][0], float)


def _reads_new(names: Sequence[str], codes: Sequence[Code]) -> bool:
    """Tell whether one of the statements that give names their values in turn reads the value of another."""
    places: dict[Any, int] = {name: place for place, name in enumerate(names)}
    return any(places.get(what, place) < place for place, code in enumerate(codes) for what in code[::4])


def named_shapes(shapes: Mapping[str, Shape], steps: Sequence[ArrayStep]) -> dict[str, Shape]:
    """Return the shapes of the arrays that a program names."""
    return {**shapes, **{step.name: step.shape for step in steps if type(step.name) is not Temporary}}


def formula_elements(code: Code, text: str, named: Mapping[str, Shape]) -> tuple[Shape, list[Code]]:
    """Return the shape of a formula, and the code of each element in the names of single numbers.

    text: what the code was read from.  named: the shapes of arrays that it may name.

    Raises InputError for shapes that do not fit.
    """
    value = _Inline(text, named).evaluate(code)
    return value.shape, value.codes


class _Inline(_Expansion):
    """An expansion without statements: what is used again stands there again."""

    def __init__(self, text: str, known: Mapping[str, Shape]) -> None:
        super().__init__(Program(text, [], {}, {}, {}, (), (), frozenset()), {})
        for name, shape in known.items():
            codes: list[Code] = [(element, 0, 0, 0) for element in element_names(name, shape)]
            self.environment[name] = _Value(shape, codes)

    def count(self, operations: int, code: Sequence[Any]) -> None:  # noqa: ARG002
        """Count all of the code: it is copied wherever it stands again."""
        self.charge(len(code) // 4, ())

    def count_each(self, operands: Sequence[_Value], elements: int, span: Span) -> None:
        for value in operands:
            steps = sum(map(len, value.codes)) // 4
            self.charge(steps * elements // len(value.codes), span)

    def refuse(self, span: Sequence[int]) -> NoReturn:  # noqa: ARG002 - a formula is one of several
        hint = "expect elements: W[0,1]=…"
        raise LimitError("the formula is too long where it is written out", self.source.text, hint=hint)

    def settled(self, value: _Value, span: Span) -> _Value:  # noqa: ARG002
        return value

    def keep(self, code: Code) -> Code:
        return code
