"""Text to statements: the tokens and the grammar of the language, before sympy is needed.

A statement comes out as postfix code, in which every step knows its span of the text. Nothing here recurses:
the stacks are lists, so nesting is limited by memory alone.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError, did_you_mean
from backprop_cli.ops import CONSTANTS, FUNCTIONS, OPS, Op

if TYPE_CHECKING:
    from collections.abc import Iterator


class Step(NamedTuple):
    """One step of postfix code: a name, a number, or an operation on the last ``arity`` results."""

    what: Op | str | float
    arity: int
    start: int
    end: int


class Statement(NamedTuple):
    """``name = expression``, or a bare expression where name is None.

    start, end: the span of the expression, or of the whole augmented assignment (``c += a``).
    """

    name: str | None
    code: list[Step]
    start: int
    end: int


# One character for one, so that spans stay those of the text as it was written.
_SPELLINGS = str.maketrans(
    {
        **dict.fromkeys("×·⋅∙∗＊", "*"),
        **dict.fromkeys("÷∕／", "/"),
        "＋": "+",
        **dict.fromkeys("−‒–", "-"),
        **dict.fromkeys("\u200b\u2060\ufeff", " "),
        "（": "(",
        "）": ")",
    }
)
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SUPERSCRIPT_VALUES = str.maketrans(_SUPERSCRIPTS + "⁺⁻", "0123456789+-")


@cache
def _token_pattern(marks: str) -> re.Pattern[str]:
    """Return the pattern of a token. marks: further characters that may stand in a name."""
    letter = r"[^\W⁰¹²³⁴-⁹]"
    rest = f"(?:{letter}|[{re.escape(marks)}])" if marks else letter
    return re.compile(
        r"(?:[^\S\n]|\\\n|\#[^\n]*)*"
        rf"(?:(?P<name>(?!\d){letter}{rest}*)"
        r"|(?P<number>(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)"
        r"|(?P<operator>\*\*=?|//|\^=?|[-+*/<>=!]=|[-+*/(),=<>≤≥])"
        rf"|(?P<power>[⁺⁻]?[{_SUPERSCRIPTS}]+)"
        r"|(?P<stop>[;\n])"
        r"|(?P<finish>\Z)"
        r"|(?P<other>.))"
    )


def _marks_in(text: str) -> str:
    """Return the characters of a text that are no letters but may stand in names: accents, vowel signs."""
    return "".join(sorted(c for c in set(text) if not c.isalnum() and c != "_" and ("a" + c).isidentifier()))


class _Waiting(NamedTuple):
    """An operator that waits on the stack for its right operand, or an open parenthesis."""

    binding: int
    op: Op | None  # None: a plain parenthesis
    start: int
    arity: int  # operands of the operator; for a call, those read so far
    opening: int = 0  # where an open parenthesis stands


_OPEN = 0  # a parenthesis binds nothing: it stays until it is closed
_COMPARE, _SUM, _PRODUCT, _SIGN, _POWER = range(1, 6)
_BINARY: dict[str, tuple[int, Op]] = {
    "+": (_SUM, OPS["add"]),
    "-": (_SUM, OPS["sub"]),
    "*": (_PRODUCT, OPS["mul"]),
    "/": (_PRODUCT, OPS["div"]),
    "**": (_POWER, OPS["pow"]),
    "^": (_POWER, OPS["pow"]),
    "<": (_COMPARE, OPS["lt"]),
    "<=": (_COMPARE, OPS["le"]),
    "≤": (_COMPARE, OPS["le"]),
    ">": (_COMPARE, OPS["gt"]),
    ">=": (_COMPARE, OPS["ge"]),
    "≥": (_COMPARE, OPS["ge"]),
}
_AUGMENTED = {f"{sign}=": op for sign, (_, op) in _BINARY.items() if not op.condition}
_POWER_OF_FUNCTION = re.compile(rf"(\w+?)\s*(?:([⁺⁻]?[{_SUPERSCRIPTS}]+)|(?:\^|\*\*)\s*([\w.]+))\s*$")
_FACTOR = re.compile(r"\(\s*(?:([\w.]+)\s*|[^()\n]{1,20})\)")

_NOT_IN_LANGUAGE = {
    "%": "there is no remainder; a - b*floor(a/b) is one",
    "//": "floor(a/b) is the quotient rounded down",
    "==": "a single = names a value; conditions are < <= > >= in where(cond, a, b)",
    "!=": "conditions are < <= > >= in where(cond, a, b)",
    "!": "there is no factorial and no negation of conditions",
    "&": "nest where(cond, a, b) to combine conditions",
    "|": "abs(x) is the absolute value",
    "√": "write sqrt(x)",
    "∞": "there is no infinity",
    **dict.fromkeys("[]{}", "only round parentheses group"),
    **dict.fromkeys("\"'“”‘’`", "there is no text in the language"),
    "\\": "a new line is written as ; or as a real one, in a shell by $'a = 2\\nb = 3'",
    "½": "write 1/2",
    "$": "give a value as NAME=VALUE behind the program",
    ".": "a name has no dot",
}


def normalise(text: str) -> str:
    """Return the text with composed letters and one kind of μ, so that names which look alike are one."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).replace("\u00b5", "μ")


def canonical_name(name: str) -> str:
    """Return the name by which a variable is known: ``pi`` for ``π``, else the name itself."""
    return "pi" if name == "π" else name


def is_name(text: str) -> bool:
    """Tell whether the text is a name: an identifier, or one with subscript digits."""
    return text.translate(_SPELLINGS).translate(_SUBSCRIPTS).isidentifier()


def read_statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a program. ``text`` is normalised.

    Raises ParseError with the span of what was not understood.
    """
    bare: Statement | None = None
    for statement in _Reader(text).statements():
        if bare is not None:
            raise ParseError(
                "only the last statement can be without a name",
                text,
                bare.start,
                bare.end,
                "name it (y = …), or join the lines within parentheses",
            )
        if statement.name is None:
            bare = statement
        yield statement


def read_value(text: str) -> list[Step]:
    """Return the code of one expression, as it stands behind NAME=. Raises ParseError."""
    statements = list(read_statements(text))
    if len(statements) != 1 or statements[0].name is not None:
        raise ParseError("one expression is expected here", text, 0, len(text))
    return statements[0].code


class _Reader:
    """Precedence climbing with the operators on a stack of our own (Dijkstra's shunting yard).

    code: the steps of the statement so far.  operands: the span of every result that waits for an operation,
    and whether it is a condition.  waiting: operators and open parentheses.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.code: list[Step] = []
        self.operands: list[tuple[int, int, bool]] = []
        self.waiting: list[_Waiting] = []
        self.depth = 0

    def statements(self) -> Iterator[Statement]:
        """Read the text to its end."""
        text = self.text
        ascii_text = text.isascii()
        code, operands, waiting = self.code, self.operands, self.waiting
        target: Step | None = None
        augment: Op | None = None
        after_operand = False
        spelled = text if ascii_text else text.translate(_SPELLINGS)
        for match in _token_pattern("" if ascii_text else _marks_in(spelled)).finditer(spelled):
            kind = match.lastgroup
            assert kind is not None
            word = match[kind]
            start, end = match.span(kind)
            if kind == "name" and not after_operand:
                if not ascii_text:
                    self.check_name(word, start)
                code.append(Step(canonical_name(word), 0, start, end))
                operands.append((start, end, False))
                after_operand = True
            elif kind == "number" and not after_operand:
                code.append(Step(self.number(word, start, end), 0, start, end))
                operands.append((start, end, False))
                after_operand = True
            elif kind == "operator" and after_operand:
                if word in _BINARY:
                    binding, op = _BINARY[word]
                    while waiting and (
                        waiting[-1].binding > binding
                        or (waiting[-1].binding == binding and binding != _POWER)
                    ):
                        self.apply(waiting.pop())
                    waiting.append(_Waiting(binding, op, start, 2))
                    after_operand = False
                elif word == ")":
                    self.close(start, end)
                elif word == "(":
                    self.open_call(start, end)
                    after_operand = False
                elif word == ",":
                    opened = self.unwind()
                    if opened is None or opened.op is None:
                        raise self.error(
                            "a comma only separates the operands of a function",
                            (start, end),
                            "statements are separated by ; and decimals have a point: 1.5",
                        )
                    waiting.append(opened._replace(arity=opened.arity + 1))
                    after_operand = False
                elif (
                    (word == "=" or word in _AUGMENTED)
                    and target is None
                    and not waiting
                    and len(code) == 1
                    and isinstance(code[0].what, str)
                    and operands[0][:2] == (code[0].start, code[0].end)
                ):
                    target, augment = code.pop(), _AUGMENTED.get(word)
                    operands.pop()
                    after_operand = False
                else:
                    raise self.unexpected(kind, word, start, end)
            elif kind == "operator" and word == "(":
                waiting.append(_Waiting(_OPEN, None, start, 0, start))
                self.depth += 1
            elif kind == "operator" and word == "-":
                waiting.append(_Waiting(_SIGN, OPS["neg"], start, 1))
            elif kind == "operator" and word == "+":
                pass  # +x is x, to the bit
            elif word == "\n" and self.depth:
                pass  # a line may end within parentheses
            elif kind == "power" and after_operand:
                self.raise_to(word, start, end)
            elif kind in ("finish", "stop") and (after_operand or not (code or waiting or target)):
                if after_operand:
                    yield self.finish(target, augment)
                    target, augment, after_operand = None, None, False
            elif after_operand:
                raise self.adjacent(kind, word, start, end)
            else:
                raise self.missing_operand(kind, word, start, end)

    def finish(self, target: Step | None, augment: Op | None) -> Statement:
        """Take the statement that ends here off the stacks."""
        opened = self.unwind()
        if opened is not None:
            raise self.never_closed(opened)
        ((start, end, is_condition),) = self.operands
        if is_condition:
            raise self.condition_misused(start, end)
        code = self.code.copy()
        self.code.clear()
        self.operands.clear()
        if target is None:
            return Statement(None, code, start, end)
        name = target.what
        assert isinstance(name, str)
        if augment is not None:
            code = [target, *code, Step(augment, 2, target.start, end)]
            start = target.start
        return Statement(name, code, start, end)

    def apply(self, operator: _Waiting) -> None:
        """Move an operator from the stack to the code."""
        op = operator.op
        assert op is not None
        start, end, is_condition = self.operands.pop()
        if is_condition:
            raise self.condition_misused(start, end)
        if operator.arity == 2:
            start, left_end, is_condition = self.operands.pop()
            if is_condition:
                raise self.condition_misused(start, left_end)
        else:
            start = operator.start
        self.code.append(Step(op, operator.arity, start, end))
        self.operands.append((start, end, op.condition))

    def unwind(self) -> _Waiting | None:
        """Apply the operators back to the innermost open parenthesis, and take that off the stack."""
        while self.waiting:
            operator = self.waiting.pop()
            if operator.binding == _OPEN:
                return operator
            self.apply(operator)
        return None

    def raise_to(self, word: str, start: int, end: int) -> None:
        """Apply a superscript power, which binds closest: x² or x⁻¹."""
        base_start, base_end, is_condition = self.operands[-1]
        if is_condition:
            raise self.condition_misused(base_start, base_end)
        exponent = float(word.translate(_SUPERSCRIPT_VALUES))
        self.code.append(Step(abs(exponent), 0, start, end))
        if "⁻" in word:
            self.code.append(Step(OPS["neg"], 1, start, end))
        self.code.append(Step(OPS["pow"], 2, base_start, end))
        self.operands[-1] = (base_start, end, False)

    def open_call(self, start: int, end: int) -> None:
        """Turn the name just read into the function that this parenthesis calls."""
        name_start, name_end, _ = self.operands[-1]
        last = self.code[-1]
        if not isinstance(last.what, str) or (last.start, last.end) != (name_start, name_end):
            raise self.adjacent("operator", "(", start, end)
        name = self.text[name_start:name_end]
        if name not in FUNCTIONS:
            factor = _FACTOR.match(self.text, start)
            product = f"{name}*{factor[1] or '(…)'}" if factor else f"{name}*(…)"
            near = did_you_mean(name, FUNCTIONS) if len(name) > 2 else f"did you mean {product}?"
            raise self.error(
                f"{name} is not a function",
                (name_start, name_end),
                near or "a name before a parenthesis must be one of the known functions",
            )
        self.code.pop()
        self.operands.pop()
        self.waiting.append(_Waiting(_OPEN, FUNCTIONS[name], name_start, 0, start))
        self.depth += 1

    def close(self, start: int, end: int) -> None:
        """Close a parenthesis; if it is a call's, its operands are the last ones read."""
        opened = self.unwind()
        if opened is None:
            raise self.error("this ) closes nothing", (start, end))
        self.depth -= 1
        op = opened.op
        if op is None:
            self.operands[-1] = (opened.start, end, self.operands[-1][2])
            return
        count = opened.arity + 1
        name = self.text[opened.start : opened.opening].strip()
        if count != op.arity and not (op.variadic and count > op.arity):
            few = "at least " if op.variadic else ""
            raise self.error(
                f"{name} needs {few}{op.arity} operand{'s' * (op.arity > 1)}, got {count}",
                (opened.start, end),
                _signature(op, name),
            )
        is_where = op is OPS["where"]
        for position, (from_, to, is_condition) in enumerate(self.operands[-count:]):
            if is_condition and not (is_where and position == 0):
                raise self.condition_misused(from_, to)
            if is_where and position == 0 and not is_condition:
                raise self.error(
                    "the first operand of where is a condition",
                    (from_, to),
                    "write where(x > 0, a, b), with < <= > or >=",
                )
        del self.operands[-count:]
        self.code.append(Step(op, count, opened.start, end))
        self.operands.append((opened.start, end, False))

    def number(self, word: str, start: int, end: int) -> float:
        try:
            value = float(word)
        except ValueError:
            raise self.error(
                f"{word!r} is not a number", (start, end), "a single _ may group digits: 1_000"
            ) from None
        if math.isinf(value):
            raise self.error(f"{word} is too large", (start, end), "numbers end at 1.8e308")
        return value

    def check_name(self, word: str, start: int) -> None:
        for position, character in enumerate(word):
            if not is_name("a" + character):
                at = start + position
                hint = _NOT_IN_LANGUAGE.get(character, "names are letters, digits and _")
                raise self.error(f"unexpected character {character!r}", (at, at + 1), hint)

    # ---- errors ----

    def error(self, message: str, span: tuple[int, int], hint: str = "") -> ParseError:
        return ParseError(message, self.text, *span, hint)

    def never_closed(self, opened: _Waiting) -> ParseError:
        return self.error("this ( is never closed", (opened.opening, opened.opening + 1))

    def condition_misused(self, start: int, end: int) -> ParseError:
        return self.error(
            "a condition can only be the first operand of where",
            (start, end),
            "write where(x > 0, a, b)",
        )

    def missing_operand(self, kind: str, word: str, start: int, end: int) -> ParseError:
        """Explain a token that stands where a value should."""
        opened = next((w for w in reversed(self.waiting) if w.binding == _OPEN), None)
        if kind in ("finish", "stop"):
            if opened is not None:
                return self.never_closed(opened)
            return self.error("the expression ends where a value is expected", (start, start))
        if kind != "operator" or word in _NOT_IN_LANGUAGE:
            return self.unexpected(kind, word, start, end)
        if word == ")" and opened is not None and opened.op is not None and opened.arity == 0:
            name = self.text[opened.start : opened.opening].strip()
            return self.error(f"{name} has no operand", (opened.start, end), _signature(opened.op, name))
        return self.error(f"a value is expected before {word!r}", (start, end))

    def adjacent(self, kind: str, word: str, start: int, end: int) -> ParseError:
        """Explain a value that stands right behind a value."""
        if kind == "other":
            return self.unexpected(kind, word, start, end)
        last = self.code[-1]
        left_start, left_end, _ = self.operands[-1]
        left = self.text[left_start:left_end]
        if len(left) > 20:
            return self.error(
                f"an operator is missing before {word!r}", (start, end), f"did you mean *{word}?"
            )
        span = (left_start, end)
        if left == "0" and left_end == start and word[0] in "xXbBoO":
            return self.error(f"{left}{word} is not a number", span, "numbers are decimal")
        if left in FUNCTIONS and last.what == left:
            return self.error(
                f"{left} is a function: its operand stands in parentheses",
                span,
                f"write {left}({word})",
            )
        power = _POWER_OF_FUNCTION.search(self.text[max(0, start - 30) : start])
        if power and power[1] in FUNCTIONS:
            exponent = (power[2] or "").translate(_SUPERSCRIPT_VALUES) or power[3]
            factor = _FACTOR.match(self.text, start)
            operand = factor[0] if factor else f"({word})"
            return self.error(
                f"{power[1]} is a function: its operand comes before the exponent",
                span,
                f"write {power[1]}{operand}^{exponent}",
            )
        if kind == "name" and word in ("and", "or", "if", "else", "not", "in"):
            return self.error(
                f"there is no {word!r} in the language", (start, end), "where(cond, a, b) decides"
            )
        if kind == "name" and word in ("i", "j") and isinstance(last.what, float):
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
        return self.error(
            f"an operator is missing in {self.text[left_start:end]!r}",
            span,
            f"did you mean {left}*{word}?",
        )

    def unexpected(self, kind: str, word: str, start: int, end: int) -> ParseError:
        """Explain a token that has no place in the language, or not here."""
        if kind == "operator" and (word == "=" or word in _AUGMENTED):
            return self.error(
                f"{word!r} stands behind a single name, at the start of a statement",
                (start, end),
                "conditions are < <= > >=, in where(cond, a, b)"
                if self.depth
                else "statements are separated by ; or a new line",
            )
        return self.error(f"'{word}' is not in the language", (start, end), _NOT_IN_LANGUAGE.get(word, ""))


def _signature(op: Op, name: str) -> str:
    """Return how a function is written: "write atan2(y, x)"."""
    return f"write {name}({', '.join(op.args)}{', …' if op.variadic else ''})"


def names_in(code: list[Step]) -> Iterator[Step]:
    """Yield the steps that are names."""
    return (step for step in code if isinstance(step.what, str))


def is_constant(code: list[Step], variables: set[str]) -> bool:
    """Tell whether the code has no name but the predefined constants that are not variables."""
    return all(step.what in CONSTANTS and step.what not in variables for step in names_in(code))
