r"""LaTeX of books and papers: lines, left sides and environments.

A letter is a name, ``ab`` is a product, and a letter before a parenthesis is a factor only if it has a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign.builder import flat
from backprop_cli.language.foreign.latex_arrays import LatexArrays
from backprop_cli.language.foreign.latex_expression import LatexExpression
from backprop_cli.language.foreign.latex_names import GREEK, VARIANTS
from backprop_cli.language.foreign.scan import RefusalError, Scan
from backprop_cli.language.foreign.words import Word, cut
from backprop_cli.language.tokens import FINISH, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.language.foreign.letters import KnownNames

_EATEN = (
    r"\x0crac|\x08(?:eta|ar|igl?|inom)|\t(?:heta|imes|ext|anh?|au|frac)|\r(?:ho|ight)|\x07lpha"
    r"|\x0b(?:ec|arepsilon)"
)
_SHORT = "|".join([*GREEK, *VARIANTS, "pi", "le", "ge", "ln", "pm", "in", "neq?"])
MARKS = (
    rf"\\(?!n)[A-Za-z]{{3,}}|\\(?:{_SHORT})(?![A-Za-z])"
    rf"|\\\||[_^]\{{|\\[\[(]|{_EATEN}"
)

_WORD = re.compile(
    r"(?P<blank>\s+|%[^\n]*\n?|\\[,;:! ]|~"
    r"|\\(?:displaystyle|textstyle|limits|nonumber|notag|noindent)(?![A-Za-z])"
    r"|\\(?:hspace|vspace|label|tag|phantom)\*?\{[^{}]*\}|\\(?:[bB]igg?[lrm]?)(?![A-Za-z])|\$+|\\[\[\]()])"
    r"|(?P<command>\\[A-Za-z]+\*?)"
    r"|(?P<line>\\\\(?:\[[^\]]*\])?)"
    r"|(?P<brace>\\[{}|_])"
    r"|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<letter>[^\W\d_])"
    r"|(?P<sign>[-+*/^_=<>(){}\[\]|,.;:!&'≤≥×·])"
)
_ENVIRONMENTS = frozenset((
    "equation", "align", "aligned", "gather", "gathered", "split", "displaymath", "math", "eqnarray",
    "multline",
))  # fmt: skip
_LONGEST = len(r"\begin{}*") + max(map(len, _ENVIRONMENTS))
_ARROWS = frozenset(
    (r"\rightarrow", r"\Rightarrow", r"\implies", r"\to", r"\Longrightarrow", r"\quad", r"\qquad")
)


_OPENS = ("(", "[", "{", r"\{", r"\left", r"\begin")
_CLOSES = (")", "]", "}", r"\}", r"\right", r"\end")
_NORM = r"\|\|[^|]*\|\|"
"""A norm as it is typed without a backslash; ||x| - 1| is none."""


def scan(text: str, given: KnownNames) -> Scan | None:
    """Return the tokens of a LaTeX text, None where it has a sign that is not of it. Raises ParseError."""
    eaten = re.search(_EATEN, text)
    if eaten:
        hint = "put the text in single quotes, or read it from a file"
        raise ParseError("a backslash is lost: the shell, or Python, took it", text, *eaten.span(), hint)
    norm = None if given.shapes else re.search(_NORM, text)
    if norm:
        hint = "write |x| for a number; arrays are given values: x=[1, 2, 3]"
        raise RefusalError("a norm is of arrays, and none is given here", text, *norm.span(), hint)
    words = cut(_WORD, text)
    return None if words is None else _Latex(text, given).scan(words)


def _depths(words: list[Word]) -> Iterator[tuple[int, Word]]:
    """Yield the words, each with how many parentheses and environments are open behind it."""
    depth = 0
    for word in words:
        depth += (word.word in _OPENS) - (word.word in _CLOSES)
        yield depth, word


class _Latex:
    """The statements of a text. known: the names that have a value, those assigned so far included."""

    def __init__(self, text: str, given: KnownNames) -> None:
        self.text = text
        self.known = given.copy()
        self.reader = LatexArrays if given.shapes else LatexExpression
        self.skipped: list[tuple[int, int]] = []

    def error(self, message: str, word: Word, hint: str = "") -> ParseError:
        """Return the refusal of a word."""
        return RefusalError(message, self.text, word.first, word.last, hint)

    def scan(self, words: list[Word]) -> Scan:
        """Return the tokens of all statements, in the order of their use."""
        statements = [self.statement(line) for line in self.lines(self.without_environment(words))]
        end = len(self.text)
        tokens = [token for statement in statements for token in statement]
        return Scan([*tokens, Token(FINISH, "", end, end)], None, tuple(self.skipped))

    def without_environment(self, words: list[Word]) -> list[Word]:
        """Return the words within environments that hold equations."""
        found: list[Word] = []
        place = 0
        while place < len(words):
            word = words[place]
            if word.word in (r"\begin", r"\end") and place + 2 < len(words):
                near = range(place, min(place + _LONGEST, len(words)))
                close = next((i for i in near if words[i].word == "}"), place)
                name = "".join(w.word for w in words[place + 2 : close]).rstrip("*")
                if name in _ENVIRONMENTS:
                    place = close + 1
                    continue
            found.append(word)
            place += 1
        return found

    def lines(self, words: list[Word]) -> list[list[Word]]:
        r"""Return the statements: what stands between ``\\``, or a comma and a space, outside of all else."""
        lines: list[list[Word]] = [[]]
        derivatives = max((i for i, word in enumerate(words) if word.word == r"\partial"), default=-1)
        for place, (depth, word) in enumerate(_depths(words)):
            following = words[place + 1].word if place + 1 < len(words) else ""
            is_comma = word.word in (",", ";") and following in (r"\quad", r"\qquad")
            if depth <= 0 and (word.kind == "line" or is_comma):
                lines.append([])
            elif not (depth <= 0 and word.word in ("&", r"\quad", r"\qquad")):
                lines[-1].append(word)
            elif word.word != "&" and place < derivatives:
                # What follows tells derivatives, which need not be told.
                self.skipped.append((words[place + 1].first, words[-1].last))
                break
        lines = [self.trimmed(line) for line in lines]
        return [line for line in lines if line]

    def trimmed(self, line: list[Word]) -> list[Word]:
        """Return a line without the stop at its end, and without the derivatives behind an arrow."""
        for place, word in enumerate(line):
            if word.word in _ARROWS:
                if not any(later.word == r"\partial" for later in line[place:]):
                    raise self.error(f"{word.word} is not read", word, "paste one equation alone")
                self.skipped.append((word.first, line[-1].last))
                line = line[:place]
                break
        end = len(line)
        while end and line[end - 1].word in (".", ",", ";"):
            end -= 1
        return line[:end]

    def statement(self, line: list[Word]) -> list[Token]:
        """Return the tokens of one equation, of which the last side is read."""
        sides: list[list[Word]] = [[]]
        for depth, word in _depths(line):
            if word.word == "=" and depth <= 0:
                sides.append([])
            else:
                sides[-1].append(word)
        target: list[Token] = []
        for side in sides[:-1]:
            name = self.left(side, line)
            if name is not None and not target:
                target = [name, Token(OPERATOR, "=", name.last, name.last)]
        if not sides[-1]:
            raise self.error("a value is expected behind '='", line[-1])
        if len(sides) > 2:
            target = target if self.is_name(sides[0]) else []
        tokens = flat(self.reader(self.text, self.known, sides[-1]).read())
        if target:
            self.known.add(target[0].word)
        return [*target, *tokens, Token(STOP, ";", line[-1].last, line[-1].last)]

    def is_name(self, side: list[Word]) -> bool:
        """Tell whether a left side is a name alone."""
        reader = LatexExpression(self.text, self.known, side)
        try:
            return reader.read_target() is not None
        except ParseError:
            return False

    def left(self, side: list[Word], line: list[Word]) -> Token | None:
        """Return the name of a left side, None of a function or a power of a name. Raises ParseError."""
        hint = "paste the side that is to be computed"
        if not side:
            raise self.error("a name is expected before '='", line[0], hint)
        reader = LatexExpression(self.text, self.known, side)
        whole = Word("", "", side[0].first, side[-1].last)
        try:
            name = reader.read_target()
            rest = side[reader.place :]
        except ParseError:
            name, rest = None, side
        if name is None:
            raise self.error("the left side is no name, and an equation has no value", whole, hint)
        if not rest:
            return name
        while len(rest) > 1 and rest[0].word == "^" and rest[1].kind == "number":
            rest = rest[2:]
        if len(rest) > 1 and rest[0].word == "_" and rest[1].kind in ("letter", "number"):
            rest = rest[2:]
        rest = [word for word in rest if word.word not in (r"\left", r"\right")]
        is_call = bool(rest) and rest[0].word in ("(", "[") and rest[-1].word in (")", "]")
        if rest and (not is_call or any(word.word in ("|", "+", "=", r"\mid") for word in rest)):
            raise self.error("the left side is no name, and an equation has no value", whole, hint)
        return None
