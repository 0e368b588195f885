"""Formulas of spreadsheets: a leading =, functions in capitals, cells as names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.algebra import Algebra
from backprop_cli.language.foreign.builder import called, flat
from backprop_cli.language.foreign.decisions import decided, joined_conditions
from backprop_cli.language.foreign.scan import Scan
from backprop_cli.language.foreign.words import Word, cut, words_pattern
from backprop_cli.language.tokens import FINISH, NAME, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from backprop_cli.language.foreign.builder import Item, Piece
    from backprop_cli.language.foreign.letters import KnownNames

MARKS = r"^\s*=(?!=)"

_FUNCTIONS = {
    name.upper(): name
    for name in (
        "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
        "sec", "csc", "cot", "sech", "csch", "coth", "exp", "ln", "log10", "sqrt", "abs", "sign", "max",
        "min", "radians", "degrees",
    )
} | {
    "MOD": "mod", "INT": "floor", "TRUNC": "trunc",
    "POWER": "pow", "IF": "where", "ATAN2": "atan2", "LOG": "log", "AND": "and", "OR": "or", "NOT": "not",
}  # fmt: skip
_WRITTEN_OUT = {
    "SUM": "A1 + A2 + A3", "AVERAGE": "(A1 + A2 + A3)/3", "SUMPRODUCT": "A1*B1 + A2*B2",
    "SUMSQ": "A1^2 + A2^2", "SUMXMY2": "(A1 - B1)^2 + (A2 - B2)^2", "PRODUCT": "A1*A2",
    "MMULT": "A1*B1 + A2*B2",
}  # fmt: skip


_PATTERN = words_pattern(name=r"\$?[A-Za-z]{1,3}\$\d+|")


def scan(text: str, given: KnownNames) -> Scan | None:
    """Return the tokens of a formula in a cell, None where it has a sign of no such. Raises ParseError."""
    words = cut(_PATTERN, text, is_list=True)
    return None if words is None else _Spreadsheet(text, given, words).scan()


class _Spreadsheet(Algebra):
    loose = frozenset[str]()
    is_euler_certain = True

    def scan(self) -> Scan:
        """Return the tokens of the one formula."""
        self.words = [word for word in self.words[1:] if word.kind != "end"]
        end = len(self.text)
        if not self.words:
            raise ParseError("a formula is expected behind '='", self.text, 0, end, "=A1*EXP(-B1)")
        return Scan([*flat(self.read()), Token(STOP, ";", end, end), Token(FINISH, "", end, end)])

    def spelled(self, word: Word) -> str:
        """Return the name of a cell: $A$1 is A1."""
        return word.word.replace("$", "")

    def function(self, name: str) -> str:
        """Return the function that is called by a name, in any case."""
        return _FUNCTIONS.get(name.upper(), "") if self.peek().word == "(" else ""

    def powered(self, function: str, word: Word) -> bool:  # noqa: ARG002
        """Say that no power stands between a function and its operand."""
        return False

    def joined(self, word: Word) -> None:
        """Refuse two operands in a row."""
        if self.builder.after_operand:
            raise self.error(
                f"an operator is missing before {word.word!r}", word, f"did you mean *{word.word}?"
            )

    def factors(self, name: str, word: Word) -> None:
        """Read the name of a cell, or PI()."""
        following = self.peek()
        if following.word == "(":
            if name.upper() == "PI" and self.peek(1).word == ")":
                self.place += 2
                self.builder.operand(Token(NAME, "pi", word.first, self.words[self.place - 1].last))
                return
            hint = _WRITTEN_OUT.get(name.upper(), "")
            raise self.error(
                f"{name} is not read here", word, f"write it out, such as {hint}" if hint else ""
            )
        if following.word == ":":
            raise self.error("a range of cells is a vector", word, "write its cells out: A1 + A2 + A3")
        self.joined(word)
        self.builder.name(name, word.first, word.last)

    def read_sign(self, word: Word) -> None:
        """Read an operator or a parenthesis; = and <> compare, within the parentheses of IF."""
        if word.word == "=" and self.builder.depth and self.builder.after_operand:
            self.builder.sign("==", word.first, word.last)
        elif word.word == "<" and self.peek().word == ">" and self.builder.after_operand:
            self.builder.sign("!=", word.first, self.peek().last)
            self.place += 1
        else:
            super().read_sign(word)

    def between(self, word: Word, sign: str) -> None:
        """Read an operator; -a^b and a^b^c are other numbers in a spreadsheet than here."""
        items = self.builder.items
        if sign == "^" and len(items) > 1 and isinstance(items[-2], Token):
            before = items[-2].word
            is_sign = len(items) == 2 or (isinstance(items[-3], Token) and items[-3].lastindex == OPERATOR)
            if before == "^":
                raise self.two("a power of a power", items[-1], "(a^b)^c as spreadsheets do", "a^(b^c)")
            if before == "-" and is_sign:
                raise self.two(
                    "the power of a number with a sign", items[-1], "(-a)^b as Excel does", "-(a^b)"
                )
        self.builder.sign(sign, word.first, word.last)

    def made(self, function: str, operands: list[Piece], first: int, last: int) -> Item:
        """Return what a call comes to: LOG is that to base 10, ATAN2 has x first, IF takes AND apart."""
        if function == "where" and len(operands) == 3:
            condition, yes, no = operands
            return decided(self.text, condition, yes, no, first, last)
        if (function in ("and", "or") and operands) or (function == "not" and len(operands) == 1):
            return joined_conditions(function, operands)
        if function == "log" and len(operands) == 1:
            return called("log10", operands, first, last)
        if function == "atan2" and len(operands) == 2:
            operands = operands[::-1]
        return functions.call(self.text, function, operands, first, last)
