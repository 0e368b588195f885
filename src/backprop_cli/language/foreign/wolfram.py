"""Wolfram's language: functions with a capital letter and square brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.algebra import Algebra
from backprop_cli.language.foreign.builder import filled
from backprop_cli.language.foreign.letters import KnownNames
from backprop_cli.language.foreign.words import cut, words_pattern
from backprop_cli.language.tokens import NAME, Token

if TYPE_CHECKING:
    from backprop_cli.language.foreign.builder import Item, Piece
    from backprop_cli.language.foreign.scan import Scan
    from backprop_cli.language.foreign.words import Word

MARKS = r"\b(?!Value\b)[A-Z][A-Za-z]*\[|(?<!\w)E\s*\^"

_FUNCTIONS = {
    **{name.capitalize(): name for name in (
        "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "sech", "csch", "coth", "exp",
        "sqrt", "abs", "sign", "max", "min", "floor", "erf", "erfc", "log10", "log2",
    )},
    **{f"Arc{name.capitalize()}": f"a{name}" for name in (
        "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "sech", "csch", "coth",
    )},
    "Ceiling": "ceil", "CubeRoot": "cbrt", "LogisticSigmoid": "sigmoid", "Ramp": "relu", "Sinc": "sinc",
    "RealAbs": "abs", "Power": "pow", "Surd": "nthRoot", "Log": "log", "If": "where", "Norm": "abs",
    "Mod": "mod", "Round": "round",
}  # fmt: skip


def scan(text: str, given: KnownNames) -> Scan | None:
    """Return the tokens of Wolfram's language, None where a sign is not of it. Raises ParseError."""
    words = cut(words_pattern(r"|\(\*.*?\*\)"), text)
    if words is None:
        return None
    names = {word.word for word in words if word.kind == "name"}
    if {"E", "e"} <= names:
        place = next(word for word in words if word.word == "e")
        raise ParseError(
            "e stands beside E, Euler's number", text, place.first, place.last, "give e another name"
        )
    return _Wolfram(text, KnownNames({*given} - {"e"}) if "E" in names else given, words).scan()


class _Wolfram(Algebra):
    loose = frozenset[str]()
    call_opening = "["
    is_euler_certain = True

    def function(self, name: str) -> str:
        """Return the function that is called by a name."""
        return name if name in _FUNCTIONS else ""

    def powered(self, function: str, word: Word) -> bool:  # noqa: ARG002
        """Say that no power stands between a function and its operand."""
        return False

    def made(self, function: str, operands: list[Piece], first: int, last: int) -> Item:
        """Return what a call comes to, with the operands in Wolfram's order."""
        name = _FUNCTIONS[function]
        if (name == "log" and len(operands) == 2) or (function == "ArcTan" and len(operands) == 2):
            operands = operands[::-1]
            name = "atan2" if function == "ArcTan" else name
        return functions.call(self.text, name, operands, first, last)

    def factors(self, name: str, word: Word) -> None:
        """Read a name, of which E and Pi are constants; a name is never a product of letters."""
        following = self.peek()
        if following.word == "[" and not following.spaced and self.peek(2).word != "]":
            raise ParseError(f"{name} is not a function that is known here", self.text, word.first, word.last)
        self.joined(word)
        if name == "Pi":
            self.builder.operand(Token(NAME, "pi", word.first, word.last))
        elif name == "E":
            self.euler(word)
        else:
            self.builder.name(name.removesuffix("_"), word.first, word.last)
            self.index(word)

    def euler(self, word: Word) -> None:
        """Read E, and E^x as exp(x)."""
        if self.peek().word != "^":
            self.builder.operand(filled("exp(1)", [], word.first, word.last))
            return
        self.builder.name("e", word.first, word.last)

    def index(self, word: Word) -> None:
        """Read x[1] as x_1."""
        if self.peek().word == "[" and self.peek(2).word == "]" and self.peek(1).kind in ("number", "name"):
            close = self.peek(2)
            self.builder.items[-1] = Token(NAME, f"{word.word}_{self.peek(1).word}", word.first, close.last)
            self.place += 3
