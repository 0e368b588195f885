"""Python as people paste it, and languages that spell expressions as it does. Nothing is executed.

A text is cut into words, these into lines; a line is left out (``import``), says something about the program
(``def``, ``return``, ``x.backward()``), or is a statement, whose expression is built in one pass.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign.builder import Item, flat
from backprop_cli.language.foreign.python_expression import Expression, Word, closing, split
from backprop_cli.language.foreign.scan import Scan
from backprop_cli.language.tokens import FINISH, NAME, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

MARKS = (
    r"\.\s*[A-Za-z_]\w*\s*\(|\b(?:return|def|lambda|import|print)\b|(?<![\w.])(?:self|math|np|torch|this)\."
    r"|\b(?:Value|tensor|Tensor)\b|\bif\b.*\belse\b|^\s*[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)+\s*=(?!=)"
    r"|^\s*(?:const|let|var|double|float|auto|my)\s+\$?\w+\s*=|\.(?:data|grad|label)\b|^\s*\$\w+\s*="
    r"|^\s*(?:for|while|with|class|if|try)\b.*:"
)

_WORD = re.compile(
    r"(?P<blank>[^\S\n]+|\#[^\n]*|//[^\n\d(]*(?=\n|\Z)|\\\n)"
    r"|(?P<text>[fFrRbBuU]{0,2}(?:'''(?:[^\\]|\\.)*?'''|\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))"
    r"|(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?:f0?|F|L|d)?(?![\w.]))"
    r"|(?P<name>\$?[^\W\d]\w*)"
    r"|(?P<end>[;\n])"
    r"|(?P<sign>\*\*=|//=|->|:=|::|=>|\*\*|//|[-+*/^%@&|]=|[<>=!]=|&&|\|\||[-+*/^<>=(),\[\]{}:.%@&|~!?])"
)  # fmt: skip


def scan(text: str, given: Collection[str]) -> Scan | None:
    """Return the tokens of a Python text, None where it has a sign that is not of it. Raises ParseError."""
    words = _words(text)
    return None if words is None else _Program(text, given).read(words)


def _words(text: str) -> list[Word] | None:
    words: list[Word] = []
    position, depth = 0, 0
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            return None
        start, position = match.span()
        kind, word = str(match.lastgroup), match[0]
        if kind == "sign":
            depth += (word in "([{") - (word in ")]}")
        if kind != "blank" and not (kind == "end" and depth > 0):
            words.append(Word(kind, word, start, position))
    return words


def _lines(words: list[Word]) -> Iterator[list[Word]]:
    line: list[Word] = []
    for word in words:
        if word.kind != "end":
            line.append(word)
        elif line:
            yield line
            line = []
    if line:
        yield line


_SKIPPED = frozenset(
    ("import", "from", "print", "assert", "pass", "plt", "console", "optimizer", "super", "global", "use")
)
_BLOCKS = {
    "for": "write its passes out, one below the other", "while": "write its passes out, one below the other",
    "if": "where(cond, a, b) decides", "elif": "where(cond, a, b) decides",
    "else": "where(cond, a, b) decides", "with": "paste what is in it alone",
    "class": "paste the expression alone", "try": "paste the expression alone",
    "async": "paste the expression alone", "raise": "paste the expression alone",
}  # fmt: skip
_DECLARED = frozenset(("const", "let", "var", "double", "float", "auto", "my", "final", "local", "val"))
_NO_EFFECT = frozenset(
    ("zero_grad", "step", "requires_grad_", "retain_grad", "eval", "train", "show", "draw_dot")
)
_ATTRIBUTES_SET = frozenset(("label", "requires_grad", "grad", "name"))


class _Program:
    """The lines of a text, one after the other."""

    def __init__(self, text: str, given: Collection[str]) -> None:
        self.text = text
        self.given = given
        self.tokens: list[Token] = []
        self.skipped: list[tuple[int, int]] = []
        self.output: str | None = None
        self.is_defined = False
        self.returned = False

    def read(self, words: list[Word]) -> Scan:
        """Return what the lines come to."""
        for line in _lines(words):
            self.line(line)
        end = len(self.text)
        return Scan([*self.tokens, Token(FINISH, "", end, end)], self.output, tuple(self.skipped))

    def error(self, message: str, word: Word, hint: str = "") -> ParseError:
        """Return the error of a word."""
        return ParseError(message, self.text, word.first, word.last, hint)

    def line(self, line: list[Word]) -> None:
        """Read one line."""
        head = line[0]
        if self.returned and head.kind == "name" and head.word not in _SKIPPED and head.word != "def":
            raise self.error(
                "a line stands behind the one that returns the result", head, "paste one function alone"
            )
        if self.is_skipped(line):
            self.skipped.append((head.first, line[-1].last))
        elif (
            head.word in _BLOCKS
            and head.kind == "name"
            and len(line) > 1
            and line[1].word not in ("=", ".", "+", "*")
        ):
            raise self.error(f"{head.word!r} is not read", head, _BLOCKS[head.word])
        elif head.word == "def" or (head.word == "function" and len(line) > 2):
            self.function(line)
        elif head.word == "return":
            self.returned = True
            if len(line) > 1:
                self.statement(line[1:])
        else:
            self.statement(line)

    def is_skipped(self, line: list[Word]) -> bool:
        """Tell whether a line says nothing about the value; ``g.backward()`` names the output."""
        words = [word.word for word in line]
        head = line[0]
        if head.kind == "text" and len(line) == 1:
            return True
        if words[0] in ("@", "}", "{") or (words[0] == "%" and len(words) > 1):
            return True
        if words[0] in _SKIPPED and (len(words) == 1 or words[1] != "="):
            return True
        if len(words) >= 3 and words[1] == "." and line[0].kind == "name":
            if words[2] == "backward":
                self.output = words[0]
                return True
            if words[2] in _NO_EFFECT:
                return True
            return words[2] in _ATTRIBUTES_SET and len(words) > 3 and words[3] == "="
        return words[0] in _NO_EFFECT and len(words) > 1 and words[1] == "("

    def function(self, line: list[Word]) -> None:
        """Read ``def f(x, w=0.5):``, whose defaults are statements of the program."""
        if self.is_defined:
            raise self.error("a second function is defined here", line[0], "paste one function alone")
        self.is_defined = True
        close = closing(line, 2)
        if len(line) < 4 or line[2].word != "(" or close is None:
            raise self.error("this is no definition of a function", line[0])
        for parameter in split(line[3:close], ","):
            name = parameter[0]
            values = split(parameter, "=")
            if name.kind == "name" and len(values) == 2:
                self.assign(name, values[1])
        rest = line[close + 1 :]
        while rest and rest[0].word != ":" and rest[0].word != "{":
            rest = rest[1:]
        if len(rest) > 1:
            self.line(rest[1:])

    def statement(self, line: list[Word]) -> None:
        """Read an assignment, or a bare expression."""
        while len(line) > 2 and line[0].word in _DECLARED and line[1].kind == "name":
            line = line[1:]
        place = _assignment(line)
        if place is None:
            self.expression(line)
            return
        targets, sign, values = split(line[:place], ","), line[place], line[place + 1 :]
        if not values:
            raise self.error("a value is expected behind '='", sign)
        if len(targets) > 1:
            self.assign_several(targets, values, sign)
            return
        target = self.target(targets[0])
        if values[0].word == "lambda":
            colon = next((i for i, word in enumerate(values) if word.word == ":"), None)
            if colon is None or len(values) == colon + 1:
                raise self.error("a value is expected behind 'lambda'", values[0])
            self.expression(values[colon + 1 :])
        elif values[0].word == "[" and closing(values, 0) == len(values) - 1 and sign.word == "=":
            self.assign_list(target, values)
        else:
            self.assign(target, values, sign)

    def target(self, words: list[Word]) -> Word:
        """Return the name that is assigned to: of ``self.w`` it is w, of ``x: float`` it is x."""
        words = words[: next((i for i, word in enumerate(words) if word.word == ":"), len(words))]
        if len(words) == 3 and words[1].word == "." and words[2].kind == "name":
            return Word("name", words[2].word, words[0].first, words[2].last)
        if len(words) == 1 and words[0].kind == "name":
            return words[0]._replace(word=words[0].word.lstrip("$"))
        items = self.built(words)
        tokens = flat(items)
        if len(tokens) == 1 and tokens[0].lastindex == NAME:
            return Word("name", tokens[0].word, words[0].first, words[-1].last)
        raise self.error("only a name is given a value", words[0], "write y = …")

    def assign(self, target: Word, values: list[Word], sign: Word | None = None) -> None:
        """Give a name its value."""
        word = sign.word if sign else "="
        if word == ":=":
            word = "="
        self.tokens.append(Token(NAME, target.word, target.first, target.last))
        place = sign or target
        self.tokens.append(Token(OPERATOR, word, place.first, place.last))
        self.expression(values)

    def assign_several(self, targets: list[list[Word]], values: list[Word], sign: Word) -> None:
        """Read ``a, b = 1, 2``, in which no value may use a name that is assigned before it."""
        if values[0].word in "([" and closing(values, 0) == len(values) - 1:
            values = values[1:-1]
        parts = split(values, ",")
        if len(parts) != len(targets) or sign.word != "=":
            raise self.error(f"{len(targets)} names are given {len(parts)} values", sign)
        names = [self.target(target) for target in targets]
        for place, part in enumerate(parts):
            assigned = {name.word for name in names[:place]}
            for word in part:
                if word.kind == "name" and word.word in assigned:
                    raise self.error(
                        f"{word.word} is used beside its new value",
                        word,
                        "write the assignments one below the other",
                    )
        for name, part in zip(names, parts, strict=True):
            self.assign(name, part)

    def assign_list(self, target: Word, values: list[Word]) -> None:
        """Read ``w = [2, -3]``, whose elements are w_0 and w_1."""
        for place, part in enumerate(split(values[1:-1], ",")):
            if not part:
                raise self.error("a value is expected in the list", values[0])
            self.assign(target._replace(word=f"{target.word}_{place}"), part)

    def expression(self, words: list[Word]) -> None:
        """Read an expression that ends a statement."""
        if words[0].word == "lambda":
            colon = next((i for i, word in enumerate(words) if word.word == ":"), len(words) - 1)
            words = words[colon + 1 :] or words
        self.tokens += flat(self.built(words))
        self.tokens.append(Token(STOP, ";", words[-1].last, words[-1].last))

    def built(self, words: list[Word]) -> list[Item]:
        """Return the items of an expression."""
        return Expression(self.text, self.given, words).read()


_ASSIGNING = frozenset(("=", ":=", "+=", "-=", "*=", "/=", "**=", "^="))


def _assignment(line: list[Word]) -> int | None:
    """Return the place of the sign that makes a line an assignment."""
    depth = 0
    for place, word in enumerate(line):
        if word.kind == "sign":
            depth += (word.word in "([{") - (word.word in ")]}")
            if not depth and word.word in _ASSIGNING:
                return place
    return None
