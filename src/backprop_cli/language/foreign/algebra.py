"""Formulas as they stand in books, on calculators and in Julia or MATLAB: their lines and left sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.language.foreign.algebra_expression import AlgebraExpression
from backprop_cli.language.foreign.builder import Builder, flat
from backprop_cli.language.foreign.letters import plain_letters
from backprop_cli.language.foreign.scan import RefusalError, Scan
from backprop_cli.language.foreign.words import Word, cut, parts, words_pattern
from backprop_cli.language.tokens import FINISH, NAME, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from backprop_cli.language.foreign.letters import KnownNames

MARKS = ""  # any text may be algebra

_WORD = words_pattern()


def scan(text: str, given: KnownNames) -> Scan | None:
    """Return the tokens of a formula, None where it has a sign that no formula has. Raises ParseError."""
    words = cut(_WORD, plain_letters(text))
    return None if words is None else Algebra(text, given, words).scan()


class Algebra(AlgebraExpression):
    """The lines of a text, each an expression with names, or functions of names, before it."""

    def scan(self) -> Scan:
        """Return the tokens of all statements. Raises ParseError."""
        tokens: list[Token] = []
        line: list[Word] = []
        for word in [*self.words, Word("end", "", len(self.text), len(self.text), spaced=False)]:
            if word.kind != "end":
                line.append(word)
            elif line:
                tokens += self.statement(line)
                line = []
        end = len(self.text)
        return Scan([*tokens, Token(FINISH, "", end, end)])

    def statement(self, line: list[Word]) -> list[Token]:
        """Return the tokens of one statement, whose left sides are names, or functions of names."""
        sides = parts(line, ("=", ":="))
        tokens: list[Token] = []
        for side in sides[:-1]:
            tokens = self.left(side, tokens)
        right = sides[-1]
        arrow = [i for i, word in enumerate(right) if word.word in ("->", "↦")]
        if arrow and all(word.kind == "name" or word.word in "(),:" for word in right[: arrow[0]]):
            right = right[arrow[0] + 1 :]
            tokens = []
        if right and right[0].word == "@" and len(right) > 3 and right[1].word == "(":
            close = next((i for i, word in enumerate(right) if word.word == ")"), len(right))
            right = right[close + 1 :]
            tokens = []
        if right and right[0].word == "@.":
            right = right[1:]
        if not right:
            raise self.error("a value is expected here", line[-1])
        self.words, self.place, self.builder, self.divided = right, 0, Builder(self.text), [False]
        tokens += flat(self.read())
        tokens.append(Token(STOP, ";", right[-1].last, right[-1].last))
        return tokens

    def left(self, side: list[Word], before: list[Token]) -> list[Token]:
        """Return the tokens of a left side: of a name, itself and =; of f(x, s=2), the defaults."""
        if len(side) > 2 and side[0].word == "{" and side[2].word == "}":
            side = side[1:2] + side[3:]
        if side and side[0].word in ("let", "const") and len(side) > 1:
            side = side[1:]
        if len(side) == 1 and side[0].kind == "name":
            word = side[0]
            name = self.spelled(word)
            return [Token(NAME, name, word.first, word.last), Token(OPERATOR, "=", word.last, word.last)]
        if len(side) > 2 and side[0].kind == "name" and side[1].word == self.call_opening:
            found: list[Token] = []
            for parameter in parts(side[2:-1], (",",)):
                if not parameter or parameter[0].kind not in ("name", "number"):
                    break
                if len(parameter) > 2 and parameter[1].word == "=":
                    found += self.statement(parameter)
                elif len(parameter) > 1:
                    break
            else:
                return found
        if side and side[-1].word in ("+", "-", "*", "/", "^", "**"):
            raise self.error("an augmented assignment is not of this notation", side[-1])
        if len(side) == 4 and side[0].kind == "name" and side[1].word == "[" and side[3].word == "]":
            return before
        place = side[0] if side else Word("", "", 0, len(self.text), spaced=False)
        last = side[-1].last if side else place.last
        hint = "take one side minus the other, or the side that is to be computed"
        raise RefusalError("an equation has no value", self.text, place.first, last, hint)
