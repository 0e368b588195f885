"""Python as people paste it, and languages that spell expressions as it does. Nothing is executed.

A text is cut into words, these into lines; a line is left out (``import``), says something about the program
(``def``, ``return``, ``x.backward()``), or is a statement, whose expression is built in one pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS
from backprop_cli.language.foreign.builder import Item, flat
from backprop_cli.language.foreign.python_expression import Expression
from backprop_cli.language.foreign.python_names import Names
from backprop_cli.language.foreign.python_words import (
    C_MARKS,
    SESSION,
    cut_lines,
    lines_of,
    split,
)
from backprop_cli.language.foreign.scan import Scan
from backprop_cli.language.foreign.words import Word, matching
from backprop_cli.language.tokens import FINISH, NAME, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from collections.abc import Collection

MARKS = (
    r"(?m:\.\s*[A-Za-z_]\w*\s*\(|(?:^|[;:{}])\s*(?:return|import)\b|\bdef\s+\w+\s*\(|\blambda\b[^:;\n]*:"
    r"|(?:^|;)\s*(?:from\s+[\w.]+\s+import|print\s*\()|(?<![\w.])(?:self|math|np|torch|this)\."
    r"|\b(?:Value|tensor|Tensor)\b|\bif\b.*\belse\b|^\s*[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)+\s*=(?!=)"
    r"|\.(?:data|grad|label|shape|size)\b|^\s*(?:const|let|var|double|float|auto|my)\s+\$?\w+\s*=|^\s*\$\w+\s*="
    r"|^\s*(?:for|while|with|class|if|try|elif|else)\b[^=\n]*:|\bfor\s+\w+\s+in\b"
    r"|\b[A-Z]\w+\([^()]*\)\s*\(|\b(?:and|or)\b|\bnot\s*\(|\bnot\s+\w|[=!]=|[<>]=?[^<>=,;\n]*[<>]"
    r"|\w\(\s*\[|(?:(?<![\w.])[^\W\d]\w*|\))(?:%|\s+%\s+)(?=[-\w(]))"
    rf"|(?m:{SESSION})|(?m:{C_MARKS})"
)


def scan(text: str, given: Collection[str]) -> Scan | None:
    """Return the tokens of a Python text, None where it has a sign that is not of it. Raises ParseError."""
    is_c = re.search(C_MARKS, text, re.MULTILINE) is not None
    words = cut_lines(text, is_c=is_c)
    if words is None:
        return None
    if getattr(given, "shapes", None):
        return _Program(text, given, is_c=is_c, reader=_reader_of_arrays()).read(words)
    try:
        return _Program(text, given, is_c=is_c).read(words)
    except ParseError as of_numbers:
        if not re.search(_OF_ARRAYS, text):
            raise
        try:
            return _Program(text, given, is_c=is_c, reader=_reader_of_arrays()).read(words)
        except ParseError as of_arrays:
            raise (of_arrays if of_arrays.start > of_numbers.start else of_numbers) from None


def _reader_of_arrays() -> type[Expression]:
    from backprop_cli.language.foreign.python_arrays import PythonArrays  # hardly ever needed

    return PythonArrays


_OF_ARRAYS = rf"[@\[]|\.\s*T\b|\b(?:{'|'.join(ARRAY_FUNCTIONS)})\s*\("
_SKIPPED = frozenset(
    ("import", "from", "assert", "pass", "plt", "console", "optimizer", "super", "global", "use", "using")
)
_PRINTED = frozenset(("print", "display"))
_BLOCKS = {
    "for": "write its passes out, one below the other", "while": "write its passes out, one below the other",
    "if": "where(cond, a, b) decides", "elif": "where(cond, a, b) decides",
    "else": "where(cond, a, b) decides", "with": "paste what is in it alone",
    "class": "paste the expression alone", "try": "paste the expression alone",
    "async": "paste the expression alone", "raise": "paste the expression alone",
}  # fmt: skip
_DECLARED = frozenset(("const", "let", "var", "double", "float", "auto", "my", "final", "local", "val"))
_NO_EFFECT = frozenset(
    ("zero_grad", "step", "requires_grad_", "retain_grad", "eval", "train", "show", "draw_dot", "watch")
)
_ATTRIBUTES_SET = frozenset(("label", "requires_grad", "grad", "name"))
_RECORDERS = frozenset(("GradientTape", "enable_grad", "set_detect_anomaly"))
"""What ``with`` may stand before, since it changes no value."""
_SEEDS = frozenset(("retain_graph", "create_graph"))


class _Program:
    """The lines of a text, one after the other.

    ended: why nothing more is computed, "" while there may be.  bare: the tokens of a statement without a
    name, which counts if none follows.  printed: the line that prints something, if nothing follows it.
    reader: of expressions.
    """

    def __init__(
        self, text: str, given: Collection[str], *, is_c: bool, reader: type[Expression] = Expression
    ) -> None:
        self.text = text
        self.reader = reader
        self.is_c = is_c
        self.names = Names(text, given, is_c=is_c)
        self.tokens: list[Token] = []
        self.skipped: list[tuple[int, int]] = []
        self.output: str | None = None
        self.is_defined = False
        self.ended = ""
        self.bare: tuple[list[Token], int, int] | None = None
        self.printed: list[Word] | None = None

    def read(self, words: list[Word]) -> Scan:
        """Return what the lines come to."""
        for line in lines_of(words):
            self.line(line)
        if self.printed is not None and not self.ended and self.bare is None:
            self.print(self.printed)
        if self.bare is not None:
            self.tokens += self.bare[0]
        end = len(self.text)
        return Scan([*self.tokens, Token(FINISH, "", end, end)], self.output, tuple(self.skipped))

    def error(self, message: str, word: Word, hint: str = "") -> ParseError:
        """Return the error of a word."""
        return ParseError(message, self.text, word.first, word.last, hint)

    def skip(self, line: list[Word]) -> None:
        """Leave a line out."""
        self.skipped.append((line[0].first, line[-1].last))

    def line(self, line: list[Word]) -> None:
        """Read one line."""
        head, words = line[0], [word.word for word in line]
        second = words[1] if len(words) > 1 else ""
        is_name = head.kind == "name" and second not in ("=", ".", "+", "*")
        if words[0] in ("import", "from") and second != "=":
            self.names.read_import(line)
            self.skip(line)
        elif _is_backward(words):
            self.backward(line)
        elif self.gradient(line):
            self.skip(line)
        elif self.ended and not self.is_skipped(line) and head.word not in _PRINTED:
            self.behind_the_end(line)
        elif words[0] in _PRINTED and second == "(":
            self.printed = line
            self.skip(line)
        elif self.is_skipped(line):
            self.skip(line)
        elif head.word == "with" and any(word in _RECORDERS for word in words):
            place = next((i for i, word in enumerate(words) if word == ":"), len(words))
            self.skip(line[:place] or line)
            if line[place + 1 :]:
                self.line(line[place + 1 :])
        elif head.word in _BLOCKS and is_name and len(line) > 1:
            raise self.error(f"{head.word!r} is not read", head, _BLOCKS[head.word])
        elif head.word == "def" or (head.word == "function" and len(line) > 2) or self.is_c_function(line):
            self.function(line)
        elif head.word == "return":
            self.finish_with(line[1:], "behind the line that returns the result")
        else:
            self.statement(line)

    def is_skipped(self, line: list[Word]) -> bool:
        """Tell whether a line says nothing about the value."""
        words = [word.word for word in line]
        head = line[0]
        if head.kind == "text" and len(line) == 1:
            return True
        if words[0] in ("@", "}", "{", "[") and (len(words) == 1 or words[0] == "@"):
            return True
        if words[0] == "%" and len(words) > 1:
            return True
        if words[0] in _SKIPPED and (len(words) == 1 or words[1] != "="):
            return True
        if words[-1] == "grad" and len(words) > 2 and words[-2] == "." and _assignment(line) is None:
            return True  # which a notebook shows
        if len(words) >= 3 and words[1] == "." and line[0].kind == "name":
            if words[2] in _NO_EFFECT and len(words) > 3 and words[3] == "(":
                return True
            return words[2] in _ATTRIBUTES_SET and len(words) > 3 and words[3] == "="
        return words[0] in _NO_EFFECT and len(words) > 1 and words[1] == "("

    def behind_the_end(self, line: list[Word]) -> None:
        """Leave out what is done with gradients, once they are known; refuse what computes further."""
        if "backward" in self.ended:
            self.skip(line)
            return
        raise self.error(f"a line stands {self.ended}", line[0], "paste one function alone")

    # ---- what the output is ----

    def backward(self, line: list[Word]) -> None:
        """Read ``g.backward()``: g is the output, and what follows has no part in it."""
        close = len(line) - 1
        opening = next(i for i in range(close, -1, -1) if line[i].word == "backward") + 1
        for part in split(line[opening + 1 : close], ","):
            if part and not (len(part) > 2 and part[0].word in _SEEDS and part[1].word == "="):
                hint = "--upstream says what arrives at the output"
                raise self.error("backward is given a gradient", part[0], hint)
        self.differentiate(line[: opening - 2], line[opening - 1])

    def differentiate(self, words: list[Word], place: Word) -> None:
        """End the program with what is differentiated."""
        if "backward" in self.ended:
            hint = "differentiate one of them, or their sum"
            raise self.error("a second output is differentiated here, and gradients add up", place, hint)
        self.skipped.append((place.first, place.last))
        if len(words) == 1 and words[0].kind == "name":
            self.output = words[0].word
            self.drop_bare()
            self.ended = "behind backward"
        else:
            self.finish_with(words, "behind backward")

    def gradient(self, line: list[Word]) -> bool:
        """Read ``tape.gradient(y, x)`` and ``torch.autograd.grad(y, x)``, which say what the output is."""
        words = [word.word for word in line]
        for place in range(len(words) - 4):
            if words[place] == "." and words[place + 1] in ("gradient", "grad") and words[place + 2] == "(":
                if words[place - 1] not in ("tape", "t", "g", "autograd") or line[place + 3].kind != "name":
                    return bool(self.ended)
                if words[place + 4] != ",":
                    return bool(self.ended)
                if "backward" in self.ended and self.output == words[place + 3]:
                    return True  # by another input
                self.differentiate([line[place + 3]], line[place + 1])
                self.skipped.pop()
                return True
        return False

    def finish_with(self, words: list[Word], ended: str) -> None:
        """End the program with an expression."""
        self.drop_bare()
        if words:
            self.expression(words)
        self.ended = ended

    def print(self, line: list[Word]) -> None:
        """Read the last line of a program that prints a number."""
        words = line[2 : matching(line, 1)]
        is_number = all(word.kind != "text" and word.word not in ("grad", "=", "[", "{") for word in words)
        if words and is_number and len(split(words, ",")) == 1:
            self.skipped.remove((line[0].first, line[-1].last))
            self.expression(words)

    def drop_bare(self) -> None:
        """Leave out a statement without a name, since another one follows."""
        self.printed = None
        if self.bare is not None:
            self.skipped.append(self.bare[1:])
            self.bare = None

    # ---- definitions ----

    def is_c_function(self, line: list[Word]) -> bool:
        """Tell whether a line is the head of a function in C: double f(double x)."""
        head = [word.word for word in line[:3]]
        is_head = len(head) == 3 and head[0] in _DECLARED and head[2] == "("
        return self.is_c and is_head and matching(line, 2) == len(line) - 1

    def function(self, line: list[Word]) -> None:
        """Read ``def f(x, w=0.5):``, whose defaults are statements of the program."""
        if self.is_defined:
            raise self.error("a second function is defined here", line[0], "paste one function alone")
        if self.tokens or self.bare:
            message = "a function is defined behind other lines"
            raise self.error(message, line[0], "paste the function, or the lines, alone")
        self.is_defined = True
        opening = next((i for i, word in enumerate(line) if word.word == "("), 0)
        close = matching(line, opening) if opening else None
        if close is None:
            raise self.error("this is no definition of a function", line[0])
        self.parameters(line[opening + 1 : close])
        rest = line[close + 1 :]
        while rest and rest[0].word not in (":", "{"):
            rest = rest[1:]
        if len(rest) > 1:
            self.line(rest[1:])

    def parameters(self, words: list[Word]) -> None:
        """Read the parameters of a function, whose defaults are statements of the program."""
        for parameter in split(words, ","):
            values = split(parameter, "=")
            if parameter and parameter[0].kind == "name" and len(values) == 2 and values[1]:
                if any(word.kind == "text" or word.word in ("None", "True", "False") for word in values[1]):
                    continue
                self.assign(parameter[0], values[1])

    def anonymous(self, words: list[Word]) -> bool:
        """Read ``lambda x, w=2: …`` or ``(x) => …``, and tell whether the words are that."""
        if words[0].word == "lambda":
            place = next((i for i, word in enumerate(words) if word.word == ":"), len(words))
            parameters = words[1:place]
        else:
            place = next((i for i, word in enumerate(words) if word.word == "=>"), len(words))
            if place == len(words):
                return False
            parameters = words[1 : place - 1] if words[0].word == "(" else words[:place]
        if self.is_defined or self.tokens:
            raise self.error("a function is defined behind other lines", words[0], "paste it alone")
        self.is_defined = True
        self.parameters(parameters)
        if words[place + 1 :]:
            self.finish_with(words[place + 1 :], "behind the function")
        elif not self.is_c:
            raise self.error(f"a value is expected behind {words[0].word!r}", words[0])
        return True

    # ---- statements ----

    def statement(self, line: list[Word]) -> None:
        """Read an assignment, or a bare expression."""
        while len(line) > 2 and line[0].word in _DECLARED and line[1].kind == "name":
            line = line[1:]
        place = _assignment(line)
        if place is None:
            if (self.tokens or self.bare) and line[0].word in _CONTINUING:
                hint = "join it to the line before it, or put both in parentheses"
                raise self.error(f"a line begins with {line[0].word!r}", line[0], hint)
            self.drop_bare()
            if not self.anonymous(line):
                self.expression(line)
            return
        self.drop_bare()
        targets, sign, values = split(line[:place], ","), line[place], line[place + 1 :]
        if not values:
            raise self.error(f"a value is expected behind {sign.word!r}", sign)
        if len(targets) > 1:
            self.assign_several(targets, values, sign)
        elif not (sign.word == "=" and self.anonymous(values)):
            target = self.target(targets[0])
            if values[0].word == "[" and matching(values, 0) == len(values) - 1 and sign.word == "=":
                self.assign_list(target, values)
            else:
                self.assign(target, values, sign)

    def target(self, words: list[Word]) -> Word:
        """Return the name that is assigned to: of ``self.w`` it is w, of ``x: float`` it is x."""
        words = words[: next((i for i, word in enumerate(words) if word.word == ":"), len(words))]
        if len(words) == 1 and words[0].kind == "name":
            word = words[0]._replace(word=words[0].word.lstrip("$"))
            return word._replace(word=self.names.of([word.word], word.first, word.last))
        if not words:
            raise self.error("a name is expected here", Word("", "", 0, 0))
        tokens = flat(self.built(words))
        if len(tokens) != 1 or tokens[0].lastindex != NAME:
            raise self.error("only a name is given a value", words[0], "write y = …")
        name = tokens[0].word
        if words[-1].word == "data" and name != "data" and name in self.assigned():
            hint = "write it where the name is first assigned"
            raise self.error(f"{name} is given another value", words[0], hint)
        return Word("name", name, words[0].first, words[-1].last)

    def assigned(self) -> set[str]:
        """Return the names that have a value so far."""
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return {first.word for first, second in pairs if first.lastindex == NAME and second.word == "="}

    def assign(self, target: Word, values: list[Word], sign: Word | None = None) -> None:
        """Give a name its value."""
        word = sign.word if sign else "="
        place = sign or target
        self.tokens.append(Token(NAME, target.word, target.first, target.last))
        self.tokens.append(Token(OPERATOR, "=" if word == ":=" else word, place.first, place.last))
        self.tokens += self.complete(values)

    def assign_several(self, targets: list[list[Word]], values: list[Word], sign: Word) -> None:
        """Read ``a, b = 1, 2``, in which no value may use a name that is assigned before it."""
        if values[0].word in "([" and matching(values, 0) == len(values) - 1:
            values = values[1:-1]
        parts = split(values, ",")
        if len(parts) != len(targets) or sign.word != "=":
            raise self.error(f"{len(targets)} names are given {len(parts)} values", sign)
        names = [self.target(target) for target in targets]
        assigned: set[str] = set()
        for name, part in zip(names, parts, strict=True):
            for word in part:
                if word.kind == "name" and word.word in assigned:
                    raise self.error(
                        f"{word.word} is used beside its new value",
                        word,
                        "write the assignments one below the other",
                    )
            assigned.add(name.word)
        for name, part in zip(names, parts, strict=True):
            self.assign(name, part)

    def assign_list(self, target: Word, values: list[Word]) -> None:
        """Read ``w = [2, -3]``, whose elements are w_0 and w_1."""
        for place, part in enumerate(split(values[1:-1], ",")):
            if not part:
                raise self.error("a value is expected in the list", values[0])
            self.names.spellings[f"{target.word}_{place}"] = f"{target.word}[{place}]"
            self.assign(target._replace(word=f"{target.word}_{place}"), part)

    def expression(self, words: list[Word]) -> None:
        """Read an expression that ends a statement without a name."""
        if words[0].word == "lambda" and self.anonymous(words):
            return
        self.bare = self.complete(words), words[0].first, words[-1].last

    def complete(self, words: list[Word]) -> list[Token]:
        """Return the tokens of an expression and its end."""
        self.refuse_whole_quotients(words)
        return [*flat(self.built(words)), Token(STOP, ";", words[-1].last, words[-1].last)]

    def refuse_whole_quotients(self, words: list[Word]) -> None:
        """Refuse 1/2 in C, which is 0."""
        if not self.is_c or not re.search(r"\b(?:double|float|auto)\b|std::", self.text):
            return
        for left, sign, right in zip(words, words[1:], words[2:], strict=False):
            if sign.word == "/" and left.word.isdigit() and right.word.isdigit():
                whole = f"{left.word}/{right.word}"
                hint = f"write {left.word}.0/{right.word}, or {int(left.word) // max(int(right.word), 1)}"
                raise self.error(f"{whole} is a whole number in C", sign, hint)

    def built(self, words: list[Word]) -> list[Item]:
        """Return the items of an expression."""
        return self.reader(self.text, self.names, words).read()


_ASSIGNING = frozenset(("=", ":=", "+=", "-=", "*=", "/=", "**=", "^="))
_CONTINUING = frozenset(("+", "-", "*", "/", "**", "^", ".", "?", ":", "and", "or", "if", "else"))


def _is_backward(words: list[str]) -> bool:
    """Tell whether a line ends with ``.backward()``."""
    if words[-2:] == [".", "backward"] or words[-3:] == [".", "backward", "!"]:
        return True  # as Ruby calls it
    if words[-1] != ")" or "backward" not in words:
        return False
    place = len(words) - 1 - words[::-1].index("backward")
    return 2 <= place < len(words) - 1 and words[place - 1] == "." and words[place + 1] == "("


def _assignment(line: list[Word]) -> int | None:
    """Return the place of the sign that makes a line an assignment."""
    depth = 0
    for place, word in enumerate(line):
        if word.kind == "sign":
            depth += (word.word in "([{") - (word.word in ")]}")
            if not depth and word.word in _ASSIGNING:
                return place
    return None
