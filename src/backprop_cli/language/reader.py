"""Tokens to statements: the grammar of the language, before sympy is needed.

A statement comes out as postfix code, in which every step knows its span of the text. Nothing here recurses:
the stacks are lists, so nesting is limited by memory alone.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import ParseError
from backprop_cli.language.arrays.calls import is_of_pytorch, postfix_call, read_keyword
from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS, ARRAY_OPS, MATMUL, ArrayCall, ArrayOp
from backprop_cli.language.binding import NOTHING, POWER, PRODUCT, RELATION, SIGN, rule_of
from backprop_cli.language.code import Code, Statement
from backprop_cli.language.lexing import tokens_of
from backprop_cli.language.synonyms import NOT_IN_LANGUAGE, hint_at
from backprop_cli.language.tokens import (
    BEHIND_NAME,
    BEHIND_NUMBER,
    KEYWORD,
    NAME,
    NUMBER,
    OTHER,
    POSTFIX,
    POWER_SIGN,
    SPELLINGS,
    SUBSCRIPTS,
    SUPERSCRIPT_VALUES,
    SUPERSCRIPTS,
)
from backprop_cli.operations.table import FUNCTIONS, OPS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from backprop_cli.language.tokens import Token
    from backprop_cli.operations.op import Op


class _Waiting:
    """An operator that waits on the stack for its right operand, or an open parenthesis.

    least: how tightly one that stands before it binds if it comes first: powers go from right to left.
    A parenthesis binds nothing, so it stays until it is closed.
    op: None for a plain one.  name: by which it is called.  arity: operands of the operator; for a call,
    those read so far.
    start: where it begins, unless with its left operand.  opening: where an open parenthesis stands.
    first_end: where the first operand of a call ends, once it is read.  keywords: of the call.
    """

    __slots__ = ("arity", "binding", "first_end", "keywords", "least", "name", "op", "opening", "start")

    def __init__(
        self,
        binding: int,
        op: Op | ArrayOp | ArrayCall | None,
        arity: int = 2,
        start: int = 0,
        opening: int = 0,
        name: str = "",
    ) -> None:
        self.binding = binding
        self.least = binding + (binding == POWER)
        self.op: Any = op
        self.name = name
        self.arity = arity
        self.start = start
        self.opening = opening
        self.first_end = 0
        self.keywords: dict[str, Any] = {}


_BINARY: dict[str, _Waiting] = {
    sign: _Waiting(rule_of(OPS[name]).binding, OPS[name])
    for sign, name in {
        "+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow", "^": "pow",
        "<": "lt", "<=": "le", "≤": "le", ">": "gt", ">=": "ge", "≥": "ge",
    }.items()
}  # fmt: skip
_BINARY["@"] = _Waiting(PRODUCT, ArrayCall(MATMUL, {}))
_STATEMENTS = "statements are separated by ; or a new line"
_OPEN = _Waiting(NOTHING, None)
_ENDS = frozenset((";", "\n", ""))  # of a statement; the end of the text is an empty word
_AUGMENTED = {
    f"{sign}=": operator.op
    for sign, operator in _BINARY.items()
    if operator.binding != RELATION and sign != "@"
}
_POWER_OF_FUNCTION = re.compile(rf"(\w+?)\s*(?:([⁺⁻]?[{SUPERSCRIPTS}]+)|(?:\^|\*\*)\s*(-?\s*[\w.]+))\s*$")
_COMMENT = re.compile(r"#[^\n]*")
_FACTOR = re.compile(r"\(\s*(?:([\w.]+)\s*|[^()\n]{1,20})\)")


def normalise(text: str) -> str:
    """Return the text with composed letters and one kind of μ, so that names which look alike are one."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).replace("\u00b5", "μ")


def canonical_name(name: str) -> str:
    """Return the name by which a variable is known: ``pi`` for ``π``, else the name itself."""
    return "pi" if name == "π" else name


def is_name(text: str) -> bool:
    """Tell whether the text is a name: an identifier, or one with subscript digits."""
    return text.translate(SPELLINGS).translate(SUBSCRIPTS).isidentifier()


def read_statements(
    text: str, conditions: Container[str] = (), tokens: Iterable[re.Match[str] | Token] | None = None
) -> Iterator[Statement]:
    """Return the statements of a program, as they are read. ``text`` is normalised.

    conditions: names that stand for a condition, and so may come first in ``where``.
    tokens: those that a foreign notation makes of the text, up to one of the kind FINISH; else it is plain.
    Raises ParseError with the span of what was not understood.
    """
    return _Reader(text, conditions, tokens_of(text) if tokens is None else tokens).statements()


def read_value(text: str, conditions: Container[str] = ()) -> Code:
    """Return the code of one expression, as it stands behind NAME=. Raises ParseError."""
    statements = list(read_statements(text, conditions))
    if len(statements) != 1 or statements[0].name is not None:
        raise ParseError("one expression is expected here", text, 0, len(text))
    return statements[0].code


class _Reader:
    """Precedence climbing with the operators on a stack of our own (Dijkstra's shunting yard).

    tokens: of the text.  code: the steps of the statement so far.  waiting: operators and open parentheses.
    starts: where every result that waits for an operation begins; end: where the last of them ends.
    conditions: which of these are conditions, place -> end.  depth: how many parentheses are open.
    named_conditions: names that stand for one.
    """

    def __init__(
        self, text: str, named_conditions: Container[str], tokens: Iterable[re.Match[str] | Token]
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.named_conditions = named_conditions
        self.code: list[Any] = []
        self.waiting: list[_Waiting] = []
        self.starts: list[int] = []
        self.end = 0
        self.conditions: dict[int, int] = {}
        self.depth = 0
        self.names: dict[str, str] = {}
        self.bare: ParseError | None = None  # what to say of a statement without a name if one follows
        self.sign: tuple[str, int] | None = None  # what the statement begins with
        self.last: Statement | None = None  # the statement before

    def statements(self) -> Iterator[Statement]:
        """Read the text to its end. Every token takes this loop, so it keeps to local names."""
        code, starts, waiting, names = self.code, self.starts, self.waiting, self.names
        target: tuple[str, int, int] | None = None
        augment: Op | None = None
        after_operand = False
        for match in self.tokens:
            kind = match.lastindex
            assert kind is not None
            if kind <= BEHIND_NUMBER:
                operand = NAME if kind <= BEHIND_NAME else NUMBER
                word = match[operand]
                start, end = match.span(operand)
                if after_operand:
                    raise self.adjacent("name" if operand == NAME else "number", word, start, end)
                self.end = end
                if operand == NAME:
                    # One object for a name: it is hashed once.
                    code += (names.get(word) or self.name(word, start), 0, start, end)
                else:
                    code += (self.number(word, start, end), 0, start, end)
                starts.append(start)
                after_operand = True
                if kind == operand:
                    continue
                word = match[kind]
            else:
                word = match[kind]
            if after_operand:
                operator = _BINARY.get(word)
                if operator is not None:
                    if waiting and waiting[-1].binding >= operator.least:
                        self.apply(operator.least)
                    waiting.append(operator)
                    after_operand = False
                elif word in _ENDS:
                    if word == "\n" and self.depth:
                        continue  # a line may end within parentheses
                    yield self.finish(target, augment)
                    target, augment, after_operand = None, None, False
                elif (word == "=" or word in _AUGMENTED) and target is None and self.is_single_name():
                    target, augment = (code[0], code[2], code[3]), _AUGMENTED.get(word)
                    code.clear()
                    starts.clear()
                    after_operand = False
                elif word == ")":
                    self.close(match.start(kind), match.end())
                elif word == "(":
                    self.open_call(match.start(kind))
                    after_operand = False
                elif word == ",":
                    self.separate(match.start(kind))
                    after_operand = False
                elif kind == POWER_SIGN:
                    self.raise_to(word, *match.span(kind))
                elif kind >= POSTFIX:
                    after_operand = self.array_token(kind, word, *match.span(kind))
                elif word == "]":
                    self.close(match.start(kind), match.end(), "[")
                else:
                    explain = self.adjacent if kind == OTHER else self.unexpected
                    raise explain("other" if kind == OTHER else "operator", word, *match.span(kind))
            elif word == "(":
                start = match.start(kind)
                waiting.append(_Waiting(NOTHING, None, 0, start, start))
                self.depth += 1
            elif word == "-":
                if not waiting and not code and target is None:
                    self.sign = word, match.start(kind)
                waiting.append(_Waiting(SIGN, OPS["neg"], 1, match.start(kind)))
            elif word == "+":  # +x is x, to the bit
                if not waiting and not code and target is None:
                    self.sign = word, match.start(kind)
            elif word == "[":
                start = match.start(kind)
                waiting.append(_Waiting(NOTHING, ARRAY_OPS["array"], 0, start, start, "["))
                self.depth += 1
            elif word == "\n" and self.depth:
                pass
            elif word not in _ENDS or code or waiting or target:
                raise self.missing_operand(str(match.lastgroup), word, *match.span(kind))

    def name(self, word: str, start: int) -> str:
        """Return a name that is met for the first time."""
        if not word.isascii():
            self.check_name(word, start)
        name = self.names[word] = canonical_name(word)
        return name

    def is_single_name(self) -> bool:
        """Tell whether nothing but a name was read of this statement."""
        code = self.code
        is_single = len(code) == 4 and isinstance(code[0], str) and not self.waiting
        return is_single and (code[2], code[3]) == (self.starts[0], self.end)  # not in parentheses

    def finish(self, target: tuple[str, int, int] | None, augment: Op | None) -> Statement:
        """Take the statement that ends here off the stacks."""
        if self.waiting:
            self.apply(RELATION)
            if self.waiting:
                raise self.never_closed(self.waiting[-1])
        if self.conditions:
            raise self.condition_misused(0)
        if self.bare is not None:
            raise self.bare
        start, end = self.starts.pop(), self.end
        code = tuple(self.code)
        self.code.clear()
        if self.sign is not None:
            self.refuse_continuation(*self.sign, code)
            self.sign = None
        statement = self.last = self.made(target, augment, code, start, end)
        return statement

    def made(
        self, target: tuple[str, int, int] | None, augment: Op | None, code: Code, start: int, end: int
    ) -> Statement:
        """Return a statement. Only the last one may be without a name."""
        if target is None:
            self.bare = self.error(
                "only the last statement can be without a name",
                (start, end),
                "name it (y = …), or join the lines within parentheses",
            )
            return Statement(None, code, start, end)
        name, name_start, name_end = target
        if augment is not None:
            start = name_start
            code = (name, 0, start, name_end, *code, augment, 2, start, end)
        return Statement(name, code, start, end)

    def refuse_continuation(self, sign: str, start: int, code: Code) -> None:
        """Refuse a line that begins with a sign and seems to go on with the line before.

        One with a minus that uses what the line before names stands by itself.
        """
        last = self.last
        if last is None or not self.is_below(start) or (sign == "-" and last.name in code[::4]):
            return
        parts = self.text[last.start : last.end], self.text[start + 1 : self.end].strip()
        left, right = (part if len(part) <= 30 and "\n" not in part else "…" for part in parts)
        whole = f"{last.name} = ({left} {sign} {right})" if "=" not in left else f"(… {sign} {right})"
        hint = f"if it goes on with the line before, write {whole}"
        if sign == "-":
            hint += "; if not, end that line with ;"
        raise self.error(f"this line begins with {sign!r}", (start, start + 1), hint)

    def is_below(self, start: int) -> bool:
        """Tell whether nothing but the end of a line is between a place and the statement before it."""
        between = _COMMENT.sub("", self.text[self.last.end : start]) if self.last is not None else ""
        return "\n" in between and ";" not in between

    def apply(self, least: int) -> None:
        """Move the last operators that bind at least so tightly from the stack to the code."""
        code, starts, waiting, end = self.code, self.starts, self.waiting, self.end
        while waiting and waiting[-1].binding >= least:
            operator = waiting.pop()
            arity = operator.arity
            if self.conditions:
                last = len(starts) - 1
                self.refuse_conditions(range(last, last - arity, -1))
            if arity == 2:
                del starts[-1]
            else:
                starts[-1] = operator.start
            code += (operator.op, arity, starts[-1], end)
            if operator.binding == RELATION:
                self.conditions[len(starts) - 1] = end

    def refuse_conditions(self, places: Iterable[int]) -> None:
        """Raise for the first of these operands that is a condition."""
        for place in places:
            if place in self.conditions:
                raise self.condition_misused(place)

    def unwind(self) -> _Waiting | None:
        """Apply the operators back to the innermost open parenthesis, and take that off the stack."""
        self.apply(RELATION)
        return self.waiting.pop() if self.waiting else None

    def raise_to(self, word: str, start: int, end: int) -> None:
        """Apply a superscript power, which binds closest: x² or x⁻¹."""
        self.refuse_conditions([len(self.starts) - 1])
        exponent = float(word.translate(SUPERSCRIPT_VALUES))
        self.code += (abs(exponent), 0, start, end)
        if "⁻" in word:
            self.code += (OPS["neg"], 1, start, end)
        self.code += (OPS["pow"], 2, self.starts[-1], end)
        self.end = end

    def separate(self, start: int) -> None:
        """Count the operand of a function that ends with this comma."""
        opened = self.unwind()
        if opened is None or opened.op is None:
            raise self.error(
                "a comma only separates the operands of a function",
                (start, start + 1),
                "statements are separated by ; and decimals have a point: 1.5",
            )
        opened.arity += 1
        opened.first_end = opened.first_end or self.end
        self.waiting.append(opened)

    def open_call(self, start: int) -> None:
        """Turn the name just read into the function that this parenthesis calls."""
        name, _, name_start, name_end = self.code[-4:]
        if not isinstance(name, str) or (name_start, name_end) != (self.starts[-1], self.end):
            raise self.adjacent("operator", "(", start, start + 1)
        op = FUNCTIONS.get(name) or ARRAY_FUNCTIONS.get(name)
        if op is None:
            raise self.not_a_function(name, name_start, name_end, start)
        del self.code[-4:]
        self.starts.pop()
        self.waiting.append(_Waiting(NOTHING, op, 0, name_start, start, name))
        self.depth += 1

    def array_token(self, kind: int, word: str, start: int, end: int) -> bool:
        """Take an index, a transpose, a method or a keyword. Return whether an operand is complete."""
        if kind == KEYWORD:
            self.keyword(word, start, end)
            return True
        self.refuse_conditions([len(self.starts) - 1])
        if kind == POSTFIX:
            try:
                call = postfix_call(word)
            except ValueError as error:
                raise self.error(str(error), (start, end)) from None
            self.code += (call, 1, self.starts[-1], end)
            self.end = end
            return True
        op = ARRAY_FUNCTIONS[word.strip(". \t(")]
        self.waiting.append(_Waiting(NOTHING, op, 1, self.starts[-1], end - 1, op.name))
        self.depth += 1
        return False

    def keyword(self, word: str, start: int, end: int) -> None:
        """Note a keyword of the innermost call."""
        opened = next(waiting for waiting in reversed((_OPEN, *self.waiting)) if waiting.binding == NOTHING)
        name, value = read_keyword(word)
        op = ARRAY_FUNCTIONS.get(opened.name)
        if op is None or name not in op.keywords or (op.name in ("max", "min") and is_of_pytorch(word)):
            raise self.error(f"{word} has no place here", (start, end), "such as sum(x, axis=0)")
        opened.keywords[name] = value

    def close(self, start: int, end: int, sign: str = "(") -> None:
        """Close a parenthesis; if it is a call's, its operands are the last ones read.

        sign: the one that it closes, "[" for a list.
        """
        opened = self.unwind()
        if opened is None:
            raise self.error(f"this {')' if sign == '(' else ']'} closes nothing", (start, end))
        if (opened.name == "[") != (sign == "["):
            raise self.never_closed(opened)
        self.depth -= 1
        starts, conditions, op, last = self.starts, self.conditions, opened.op, len(self.starts) - 1
        if op is None:
            starts[last] = opened.start
            if last in conditions:
                conditions[last] = end
            self.end = end
            return
        count, name = opened.arity + 1, opened.name
        array_op = op if isinstance(op, ArrayOp) else ARRAY_FUNCTIONS.get(name)
        if array_op is not None and (array_op is op or count == 1) and array_op.takes(count):
            op = ArrayCall(array_op, opened.keywords)
        elif count != op.arity and not (op.variadic and count > op.arity):
            few = "at least " if op.variadic else ""
            raise self.error(
                f"{name} needs {few}{op.arity} operand{'s' * (op.arity > 1)}, got {count}",
                (opened.start, end),
                _signature(op, name),
            )
        first = last - count + 1
        if (
            not isinstance(op, ArrayCall)
            and op.takes_condition
            and not self.is_condition(first, opened.first_end)
        ):
            raise self.error(
                f"the first operand of {name} is a condition",
                (starts[first], opened.first_end),
                "write where(x > 0, a, b), with < <= > or >=",
            )
        if conditions:
            self.refuse_conditions(range(first, last + 1))
        del starts[first + 1 :]
        starts[first] = opened.start
        self.end = end
        self.code += (op, count, opened.start, end)

    def is_condition(self, place: int, end: int) -> bool:
        """Tell whether the operand at this place is a condition, and count it as used if so."""
        is_compared = self.conditions.pop(place, None) is not None
        return is_compared or self.text[self.starts[place] : end] in self.named_conditions

    def number(self, word: str, start: int, end: int) -> float:
        try:
            value = float(word)
        except ValueError:
            raise self.error(
                f"{word!r} is not a number", (start, end), "a single _ may group digits: 1_000"
            ) from None
        if math.isinf(value):
            raise self.error(f"{word} is too large", (start, end), "numbers end at 1.79769e308")
        return value

    def check_name(self, word: str, start: int) -> None:
        for position, character in enumerate(word):
            if not is_name("a" + character):
                at = start + position
                hint = NOT_IN_LANGUAGE.get(character, "names are letters, digits and _")
                raise self.error(f"unexpected character {character!r}", (at, at + 1), hint)

    def error(self, message: str, span: tuple[int, int], hint: str = "") -> ParseError:
        return ParseError(message, self.text, *span, hint)

    def not_a_function(self, name: str, start: int, end: int, opening: int) -> ParseError:
        """Explain a name before a parenthesis: a function by another name, or a factor."""
        factor = _FACTOR.match(self.text, opening)
        operands = [operand.strip() for operand in factor[0][1:-1].split(",")] if factor else []
        hint = hint_at(name, operands)
        if not hint and len(name) <= 2:
            product = f"{name}*{factor[1] or '(…)'}" if factor else f"{name}*(…)"
            hint = f"did you mean {product}?"
            if self.waiting and self.waiting[-1] is _BINARY["/"]:
                hint = self.two_quotients(product, start)
        hint = hint or "a name before a parenthesis must be one of the known functions"
        return self.error(f"{name} is not a function", (start, end), hint)

    def never_closed(self, opened: _Waiting) -> ParseError:
        span = opened.opening, opened.opening + 1
        return self.error(f"this {'[' if opened.name == '[' else '('} is never closed", span)

    def condition_misused(self, place: int) -> ParseError:
        return self.error(
            "a condition can only be the first operand of where",
            (self.starts[place], self.conditions[place]),
            "write where(x > 0, a, b)",
        )

    def missing_operand(self, kind: str, word: str, start: int, end: int) -> ParseError:
        """Explain a token that stands where a value should."""
        opened = next((w for w in reversed(self.waiting) if w.binding == NOTHING), None)
        if kind in ("finish", "stop"):
            if opened is not None:
                return self.never_closed(opened)
            return self.error("the expression ends where a value is expected", (start, start))
        if (kind != "operator" or word in NOT_IN_LANGUAGE) and word not in ("]", "@"):
            return self.unexpected(kind, word, start, end)
        if word == ")" and opened is not None and opened.op is not None and opened.arity == 0:
            name = opened.name
            return self.error(f"{name} has no operand", (opened.start, end), _signature(opened.op, name))
        hint = ""
        if not self.waiting and not self.code and self.is_below(start):
            hint = f"to go on with the line before, put both in parentheses: y = (… {word} …)"
        return self.error(f"a value is expected before {word!r}", (start, end), hint)

    def adjacent(self, kind: str, word: str, start: int, end: int) -> ParseError:
        """Explain a value that stands right behind a value."""
        if kind == "other":
            return self.unexpected(kind, word, start, end)
        last = self.code[-4]
        left_start, left_end = self.starts[-1], self.end
        left = self.text[left_start:left_end]
        if len(left) > 20:
            return self.error(
                f"an operator is missing before {word!r}", (start, end), f"did you mean *{word}?"
            )
        span = (left_start, end)
        if left == "0" and left_end == start and word[0] in "xXbBoO":
            return self.error(f"{left}{word} is not a number", span, "numbers are decimal")
        if left in FUNCTIONS and last == left:
            return self.error(
                f"{left} is a function: its operand stands in parentheses",
                span,
                f"write {left}({f'{word}(…)' if word in FUNCTIONS else word})",
            )
        power = _POWER_OF_FUNCTION.search(self.text[max(0, start - 30) : start])
        if power and power[1] in FUNCTIONS:
            return self.power_of_function(power, word, span, start)
        if kind == "name" and word in ("and", "or", "if", "else", "not", "in"):
            return self.error(
                f"there is no {word!r} in the language", (start, end), "where(cond, a, b) decides"
            )
        if kind == "name" and word in ("i", "j") and isinstance(last, float):
            return self.error(
                f"an operator is missing in {left + word!r}",
                span,
                f"numbers are real; did you mean {left}*{word}?",
            )
        if word == "(":
            factor = _FACTOR.match(self.text, start)
            word = factor[0] if factor else "(…)"
        elif kind == "number" and word[0] == "." and "." in left:
            return self.error("a number has one decimal point", span)
        hint = f"did you mean {left}*{word}?"
        if self.waiting and self.waiting[-1] is _BINARY["/"]:
            hint = self.two_quotients(f"{left}*{word}", left_start)
        return self.error(f"an operator is missing in {self.text[left_start:end]!r}", span, hint)

    def two_quotients(self, product: str, start: int) -> str:
        """Return both meanings of a product that is not written as one and stands behind a division."""
        dividend = self.text[self.starts[-2] : start].rstrip("/÷∕／ \t")
        dividend = dividend if len(dividend) <= 20 else "(…)"
        return f"write {dividend}/({product}) or {dividend}/{product}"

    def power_of_function(
        self, power: re.Match[str], word: str, span: tuple[int, int], start: int
    ) -> ParseError:
        """Explain the exponent behind the name of a function: sin^2(x), or sin^-1(x), of two meanings."""
        name = power[1]
        exponent = ((power[2] or "").translate(SUPERSCRIPT_VALUES) or power[3]).replace(" ", "")
        factor = _FACTOR.match(self.text, start)
        operand = factor[0] if factor else f"({word})"
        message = f"{name} is a function: its operand comes before the exponent"
        hint = f"write {name}{operand}^{exponent if exponent.isalnum() else f'({exponent})'}"
        if exponent == "-1" and f"a{name}" in FUNCTIONS:
            hint = f"write a{name}{operand} for the inverse function, 1/{name}{operand} for the reciprocal"
        return self.error(message, span, hint)

    def unexpected(self, kind: str, word: str, start: int, end: int) -> ParseError:
        """Explain a token that has no place in the language, or not here."""
        if kind == "operator" and (word == "=" or word in _AUGMENTED):
            hint = "conditions are < <= > >=, in where(cond, a, b)" if self.depth else _STATEMENTS
            message = f"{word!r} stands behind a single name, at the start of a statement"
            return self.error(message, (start, end), hint)
        if word == "[":
            inside, closing, _ = self.text[end:].partition("]")
            if not closing:
                return self.error("this [ is never closed", (start, end))
            hint = "an index is written out, in whole numbers and slices: x[0], W[1, 0:3]"
            what, last = ("this", end) if "[" in inside else (f"'{inside.strip()}'", end + len(inside) + 1)
            return self.error(f"{what} is no index", (start, last), hint)
        return self.error(f"'{word}' is not in the language", (start, end), NOT_IN_LANGUAGE.get(word, ""))


def _signature(op: Op | ArrayOp, name: str) -> str:
    """Return how a function is written: "write atan2(y, x)"."""
    form = f"write {name}({', '.join(op.args)}{', …' if op.variadic else ''})"
    return f"{form}, {name}([x, y]) or {name}(x, axis=0)" if "axis" in getattr(op, "keywords", ()) else form
