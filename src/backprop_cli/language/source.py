"""Statements to a source: which names are inputs, what they default to, and the values given for them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.errors import InputError, ParseError, ShapeError
from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS, ArrayCall
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.arrays.values import Array, Value, as_array
from backprop_cli.language.code import Statement, fold, is_constant, names_in, steps
from backprop_cli.language.reader import canonical_name, is_name, normalise, read_statements, read_value
from backprop_cli.language.writing import write_program
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.table import CONSTANTS, FUNCTIONS
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from backprop_cli.diagnostic import Diagnostic
    from backprop_cli.language.arrays.shapes import Shape
    from backprop_cli.language.code import ArrayStep, Code, Span
    from backprop_cli.language.foreign import Reading
    from backprop_cli.operations.op import Op

PLAIN = "plain"
"""The language itself, by the name that stands for it among the notations."""


class Source(NamedTuple):
    """A program whose names are resolved.

    statements: in order; those that only give an input its default are among them.
    inputs: every input in order of first use, with the span of that.
    defaults: the statement that gives the input its default.
    notation: the foreign one that the text is in, or "".  skipped: spans of lines that were left out.

    Of a program with arrays: the statements are those of its elements, and so are the inputs.
    shapes: of the inputs that are arrays.  steps: its operations on arrays.  warnings: of these.
    labels: inputs that are numbers of classes, which are part of the program.
    unexpanded: the statements with arrays.
    """

    text: str
    statements: list[Statement]
    inputs: dict[str, tuple[int, int]]
    defaults: dict[str, Statement]
    notation: str = ""
    skipped: tuple[Span, ...] = ()
    shapes: dict[str, Shape] = {}  # noqa: RUF012 - a default that nobody changes
    steps: tuple[ArrayStep, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    labels: frozenset[str] = frozenset()
    unexpanded: tuple[Statement, ...] = ()

    @property
    def as_plain(self) -> str:
        """The program in the plain language."""
        if self.unexpanded and self.notation:
            return write_program(self.unexpanded)
        return self.text if self.steps or self.shapes else write_program(self.statements)

    def takes(self, name: str) -> bool:
        """Tell whether a value may be given for a name: of an input, of an array, of a label."""
        return name in self.inputs or name in self.shapes or name in self.labels

    @property
    def read_as(self) -> str:
        """The program in the plain language, where the text is in another one; else ""."""
        return self.as_plain if self.notation else ""


def read_source(
    text: str,
    given: Collection[str] | Mapping[str, Value] = (),
    notation: str | None = None,
    known: Collection[str] = (),
    *,
    array_output: bool = False,
    needs_shapes: bool = True,
) -> Source:
    """Read a program.

    given: the names that values are given for, with them where these may be arrays.
    known: names that further values could be had for, such as columns of data.
    notation: the foreign one that it is in, or "plain"; None for plain if it can be read so, else the one
    whose marks it has.
    array_output: whether the output may be an array, which has a name then; it ends in its last element.
    needs_shapes: whether a program with arrays whose shapes are not known is refused, not just read.

    An input is a name that is used before it is assigned, or first assigned a constant expression: that
    is its default. ``pi`` is a constant unless it is assigned or given.

    text may be an expression of SymPy's, too, which is written as a program first.

    Raises ParseError, and where arrays do not fit InputError or LimitError.
    """
    source = _read_source(text, given, notation, known)
    values = given if isinstance(given, Mapping) else dict.fromkeys(given, 0.0)
    is_marked = any(mark in source.text for mark in _MARKS)
    if is_marked or _has_arrays(given) or any("[" in name for name in known):
        from backprop_cli.language.arrays.expand import has_arrays  # hardly ever needed

        arrays = {name: as_array(value) for name, value in values.items()} | _arrays_among(known)
        if has_arrays(source.statements) or any(array.shape for array in arrays.values()):
            try:
                return _expanded(source, arrays, array_output=array_output)
            except ShapeError:
                # What has no array may be meant as names: x[0] as x_0.
                other = None if notation else _foreign_source(source.text, _names(given, known))
                if other is None or (needs_shapes and has_arrays(other.statements)):
                    raise
                return other
    return source


_ELEMENT = re.compile(r"([^\s\[\],]+)\[\s*([0-9]+(?:\s*,\s*[0-9]+)*)\s*\]")


def _arrays_among(names: Iterable[str]) -> dict[str, Array]:
    """Return the arrays all of whose elements are among names, such as columns x[0] and x[1]."""
    places: dict[str, set[tuple[int, ...]]] = {}
    for match in map(_ELEMENT.fullmatch, names):
        if match is not None:
            places.setdefault(match[1], set()).add(tuple(map(int, match[2].split(","))))
    found = {}
    for name, taken in places.items():
        shape = tuple(max(axis) + 1 for axis in zip(*taken, strict=False))
        if len({*map(len, taken)}) == 1 and len(taken) == math.prod(shape):
            found[name] = Array(shape, ())
    return found


def _expanded(source: Source, known: Mapping[str, Array], *, array_output: bool) -> Source:
    """Return a program with arrays as one of numbers alone."""
    from backprop_cli.language.arrays.expand import Program, expand_program

    parts = Program(*source[:4], source.shapes, source.steps, source.warnings, source.labels)
    whole = tuple(source.statements)
    expanded = expand_program(parts, known, array_output=array_output)
    return source._replace(**expanded._asdict(), unexpanded=whole)


def _foreign_source(text: str, names: Collection[str]) -> Source | None:
    """Return the reading in a foreign notation, None where there is none."""
    try:
        reading = _read_foreign(text, names)
        return None if reading is None else _in_notation(text, reading, names)
    except ParseError:
        return None


_MARKS = ("@", "[", "ᵀ", "T", *ARRAY_FUNCTIONS)
"""One of these is in the text of every program with arrays."""


def _read_source(text: str, given: Collection[str], notation: str | None, known: Collection[str]) -> Source:
    """Return the program as it is read, with arrays if it has any."""
    if not isinstance(text, str):
        text, notation = _written(text), PLAIN
    text = normalise(text)
    names = _names(given, known)
    if notation in (None, PLAIN):
        try:
            source = _resolved(text, list(read_statements(text)), names)
        except ParseError:
            reading = None if notation else _read_foreign(text, names)
            if reading is None:
                raise
        else:
            return source if notation or _fits(source, given, names) else _fitting(source, given, names)
    else:
        reading = _read_foreign(text, names, notation)
        if reading is None:
            raise ParseError(f"the text is not in {notation}", text, 0, len(text))
    return _in_notation(text, reading, names)


def _names(given: Collection[str] | Mapping[str, Value], known: Collection[str]) -> dict[str, Value | None]:
    """Return the names that have a value, or could have one, with those that are given."""
    values = given if isinstance(given, Mapping) else dict.fromkeys(given)
    return {**dict.fromkeys(known), **values}


def _in_notation(text: str, reading: Reading, names: Collection[str]) -> Source:
    """Return the source of a text as it is read in a foreign notation."""
    source = _resolved(text, reading.statements, names)
    return source._replace(notation=reading.notation, skipped=reading.skipped)


def _has_arrays(given: Collection[str] | Mapping[str, Value]) -> bool:
    return isinstance(given, Mapping) and any(isinstance(value, Array) for value in given.values())


def _written(program: object) -> str:
    """Return a program that is no text, but an expression of SymPy's, as one. Raises ParseError."""
    from backprop_cli.language.expressions import is_expression, write_expression  # hardly ever needed

    if not is_expression(program):
        hint = "a text, or an expression of SymPy's"
        raise ParseError(f"the program is of type {type(program).__name__}, not a text", hint=hint)
    return write_expression(program)


def _fits(source: Source, given: Collection[str], names: Collection[str]) -> bool:
    """Tell whether every value that is given is used, and every input has one."""
    inputs = source.inputs
    return all(name in inputs for name in given) and all(
        name in names or name in source.defaults for name in inputs
    )


def _fitting(source: Source, given: Collection[str], names: Collection[str]) -> Source:
    """Return the reading of algebra of a text that is plain, if that needs the given names and no others.

    So ``F = ma`` is a product where m and a are given, and ``e^x`` is exp(x) where e is not. Raises
    ParseError where a product has two readings, and the plain one leaves a value that is given unused.
    """
    from backprop_cli.language.foreign.letters import KnownNames, split_products  # hardly ever needed

    missing = [name for name in source.inputs if name not in names and name not in source.defaults]
    factors = KnownNames(names)
    if not any(name == "e" or split_products(name, factors) for name in missing):
        return source  # which tells what is missing
    try:
        reading = _read_foreign(source.text, names, "algebra")
        if reading is not None:
            other = _in_notation(source.text, reading, names)
            if _fits(other, given, names):
                return other
    except ParseError as error:
        if error.is_certain and any(name not in source.inputs for name in given):
            raise
    return source


def _read_foreign(text: str, names: Collection[str], notation: str | None = None) -> Reading | None:
    from backprop_cli.language.foreign import read_foreign  # hardly ever needed

    return read_foreign(text, names, notation)


def _resolved(text: str, statements: list[Statement], given: Collection[str]) -> Source:
    """Return the source of these statements. Raises ParseError where there are none."""
    if not statements:
        raise ParseError("the program is empty", text, 0, len(text), 'an expression is expected: "(a*b+c)*f"')
    variables = {statement.name for statement in statements if statement.name} | set(given)
    defaults: dict[str, Statement] = {}
    assigned: set[str] = set()
    for statement in statements:
        if statement.name is not None and statement.name not in assigned:
            assigned.add(statement.name)
            if is_constant(statement.code, variables):
                defaults[statement.name] = statement
    # What is no new input where it is used: all that was met so far, and the constants that are no variables.
    met: set[object] = {*CONSTANTS.keys() - variables}
    inputs: dict[str, tuple[int, int]] = {}
    for statement in statements:
        if statement.name is not None and defaults.get(statement.name) is statement:
            continue
        code = statement.code
        for step, what in enumerate(code[::4]):
            if what not in met:
                met.add(what)
                if isinstance(what, str):
                    inputs[what] = code[4 * step + 2], code[4 * step + 3]
        if statement.name is not None and statement.name not in defaults:
            met.add(statement.name)
    for name, statement in defaults.items():
        if name not in inputs:
            inputs[name] = statement.start, statement.end
    return Source(text, statements, inputs, defaults)


def read_assignments(arguments: Iterable[str], hint: str = "", *, elements: bool = False) -> dict[str, float]:
    """Read NAME=VALUE arguments. VALUE is a constant expression, rounded once to binary64.

    hint: what to say of a word that is nothing like NAME=VALUE.  elements: whether NAME may be ``w[0]``.

    Raises InputError or ParseError.
    """
    definitions = read_definitions(arguments, hint, elements=elements)
    return {name: evaluate_code(code, text) for name, (text, code) in definitions.items()}


def read_definitions(
    arguments: Iterable[str], hint: str = "", *, elements: bool = False
) -> dict[str, tuple[str, Code]]:
    """Read NAME=VALUE arguments: name -> the text that its value stands in, and the constant code of that.

    hint, elements: as in ``read_assignments``.

    Raises InputError or ParseError.
    """
    found: dict[str, tuple[str, Code]] = {}
    for argument in arguments:
        text = normalise(argument)
        left, equals, right = text.partition("=")
        name = input_name(left.strip()) if elements else canonical_name(left.strip())
        if not equals:
            raise InputError(
                f"{argument!r} is not of the form NAME=VALUE", text, 0, len(text), _form_hint(text) or hint
            )
        if not (is_name(name) or (elements and is_element(name))):
            raise InputError(f"{left!r} is not a name", text, 0, len(left), "write NAME=VALUE, such as a=2")
        if not right.strip():
            raise InputError(f"{name} is given no value", text, 0, len(text), f"write {name}=2")
        if name in found:
            raise InputError(f"{name} is given twice", text, 0, len(text))
        found[name] = text, read_constant(text, len(left) + 1)
    return found


def evaluate_constant(text: str, start: int = 0) -> float:
    """Return the value of the constant expression that ``text`` holds from ``start`` on.

    Raises ParseError, or InputError where it has no finite value.
    """
    return evaluate_code(read_constant(text, start), text)


def read_constant(text: str, start: int = 0) -> Code:
    """Return the code of the constant expression that ``text`` holds from ``start`` on.

    Raises ParseError, or InputError where it depends on a name.
    """
    blank = " " * start  # spans stay those of the whole argument
    try:
        code = read_value(blank + text[start:])
    except ParseError as error:
        error.text = text
        raise
    for what, _, first, last in steps(code):
        if isinstance(what, ArrayCall):
            raise InputError("an array stands where a number is expected", text, first, last)
    for name, name_start, name_end in names_in(code):
        if name not in CONSTANTS:
            raise InputError(
                f"a value can't depend on the name {name}",
                text,
                name_start,
                name_end,
                _name_hint(name) or "a value is a constant expression: -10, 1e-3, 1/3, pi/4, sqrt(2)",
            )
    return code


def evaluate_code(code: Code, text: str) -> float:
    """Return the value of constant code. Raises InputError where it has no finite value.

    A part without a value comes to its error, which only a ``where`` can leave behind.
    """
    value: float | InputError = fold(
        code,
        lambda what, _span: CONSTANTS[what] if isinstance(what, str) else what,
        lambda op, operands, span: _value_of_part(op, operands, span, text),
    )
    if isinstance(value, InputError):
        raise value
    return value


def _value_of_part(
    op: Op, operands: Sequence[float | InputError], span: Span, text: str
) -> float | InputError:
    read = op.read(FLOAT, [math.nan if isinstance(x, InputError) else x for x in operands])
    for x, is_read in zip(operands, read, strict=True):
        if is_read and isinstance(x, InputError):
            return x
    try:
        result: float = FLOAT.value(op, [math.nan if isinstance(x, InputError) else x for x in operands])
    except (ArithmeticError, ValueError):
        result = math.nan
    return result if math.isfinite(result) else _no_value(op, operands, span, text)


def _no_value(op: Op, operands: Sequence[Any], span: Span, text: str) -> InputError:
    part = text[slice(*span)]
    hint = f"{part if op.infix else op.name} needs {op.domain.words}"
    if op.domain.contains(*operands):
        hint = "it is beyond 1.79769e308"
    return InputError(f"{part} has no finite value", text, *span, hint)


def choose_point(source: Source, given: Mapping[str, Value]) -> dict[str, float]:
    """Return the value of every input: the one given, or its default. Elements of arrays are inputs.

    Raises InputError for a name that is not an input and for an input without a value.
    """
    values: dict[str, float] = {}
    inputs = source.inputs
    for name, value in given_elements(source, given):
        if name not in inputs:
            raise _not_an_input(source, name, given)
        values[name] = value
        if not math.isfinite(value):
            raise InputError(
                f"{name} is not finite", hint="the value of an input is a number up to 1.79769e308"
            )
    missing = [name for name in source.inputs if name not in values and name not in source.defaults]
    if missing:
        raise InputError(
            f"{listing(missing)} {'has' if len(missing) == 1 else 'have'} no value",
            source.text,
            *source.inputs[missing[0]],
            _name_hint(missing[0]) or "add " + " ".join(f"{name}=VALUE" for name in missing[:8]),
            tuple(source.inputs[name] for name in missing[1:8]),
        )
    return {
        name: values[name] if name in values else evaluate_code(source.defaults[name].code, source.text)
        for name in source.inputs
    }


def given_elements(source: Source, given: Mapping[str, Value]) -> Iterator[tuple[str, float]]:
    """Yield the names and numbers of what is given, element by element. Raises InputError."""
    for name, value in given.items():
        if name in source.labels:
            continue
        if isinstance(value, Array) and not value.values:
            shape = "x".join(map(str, value.shape))
            raise InputError(
                f"{name} has a shape and no values", hint=f"beside {name}:{shape} nothing has a value"
            )
        if isinstance(value, Array) and name in source.shapes:
            yield from zip(element_names(name, value.shape), value.values, strict=True)
        else:
            yield name, value if isinstance(value, float) else as_array(value).values[0]


def check_names(source: Source, names: Iterable[str]) -> list[str]:
    """Return the names, each of which must be an input; an array's is all its elements. Raises InputError."""
    chosen = list(dict.fromkeys(one for name in map(input_name, names) for one in _all_of(source, name)))
    for name in chosen:
        if name not in source.inputs:
            raise _not_an_input(source, name)
    return chosen


def _all_of(source: Source, name: str) -> list[str]:
    if name in source.shapes:
        return element_names(name, source.shapes[name])
    return [name]


def input_name(text: str) -> str:
    """Return the name by which an input is known, which may be an element: w[0,1]."""
    name = canonical_name(normalise(text))
    return re.sub(r"\s+", "", name) if "[" in name else name


def is_element(name: str) -> bool:
    """Tell whether the name of an input is that of an element of an array."""
    match = _ELEMENT.fullmatch(name)
    return match is not None and is_name(match[1])


def _not_an_input(source: Source, name: str, given: Collection[str] = ()) -> InputError:
    for statement in source.statements:
        if statement.name == name:
            return InputError(
                f"{name} is computed by the program, it is not an input",
                source.text,
                statement.start,
                statement.end,
                _known_inputs(source),
            )
    return InputError(
        f"{name} is not in the program",
        hint=_product_hint(source, name, given) or did_you_mean(name, source.inputs) or _known_inputs(source),
    )


def _product_hint(source: Source, name: str, given: Collection[str]) -> str:
    """Return what to write if the name is a factor of what was read as a name, or as a function."""
    if name in FUNCTIONS and re.search(rf"(?<!\w){re.escape(name)}\s*\(", source.text):
        return f"{name}(…) is a function here; a product is written {name}*(…)"
    for whole in source.inputs:
        if whole not in given and len(whole) <= 6 and (whole.startswith(name) or whole.endswith(name)):
            first, last = (
                (name, whole.removeprefix(name))
                if whole.startswith(name)
                else (whole.removesuffix(name), name)
            )
            if is_name(first) and is_name(last):
                return f"did you mean {whole}? As a product it is written {first}*{last}"
    return ""


def _known_inputs(source: Source) -> str:
    elements = {element for name, shape in source.shapes.items() for element in element_names(name, shape)}
    names = list(dict.fromkeys([*source.shapes, *(name for name in source.inputs if name not in elements)]))
    if not names:
        return "the program has no inputs"
    return f"the input is {names[0]}" if len(names) == 1 else f"the inputs are {listing(names)}"


def _form_hint(text: str) -> str:
    """Return how NAME:VALUE, or a name alone, is to be written."""
    name, _, value = map(str.strip, text.partition(":"))
    if not is_name(name):
        return ""
    if not re.fullmatch(r"\d+(?:\s*x\s*\d+)*", value):
        return f"write {name}={value or 2}"
    given = f"{name}=[[1, 2], [3, 4]]" if "x" in value else f"{name}={value} or {name}=[1, 2, 3]"
    return f"write {given}; {name}:{value}, a shape without values, is for graph, export, fit and minimize"


def _name_hint(name: str) -> str:
    """Explain names that people take for numbers, or functions."""
    if name in FUNCTIONS:
        return f"the function is {name}(…); {name} is a variable like any other, given as {name}=VALUE"
    return {
        "e": "Euler's number is exp(1); e is a variable like any other, given as e=VALUE",
        "tau": "the circle's constant is 2*pi; tau is a variable like any other, given as tau=VALUE",
        "inf": "there is no infinity; the largest number is 1.79769e308",
        "nan": "a value is a number",
        "i": "numbers are real; i is a variable like any other, given as i=VALUE",
        "j": "numbers are real; j is a variable like any other, given as j=VALUE",
    }.get(name, "")
