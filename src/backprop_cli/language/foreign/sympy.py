"""Expressions as SymPy prints them with str: Piecewise, and E for Euler's number.

Everything else that it prints is in the plain language, or has no word there and is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.language.foreign.scan import RefusalError, Scan
from backprop_cli.language.foreign.words import Word, cut, words_pattern
from backprop_cli.language.tokens import FINISH, NAME, NUMBER, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from collections.abc import Collection

MARKS = r"(?<!\w)Piecewise\s*\("

_KINDS = {"name": NAME, "number": NUMBER, "sign": OPERATOR, "end": STOP}
_SIGNS = frozenset(("+", "-", "*", "**", "/", "<", "<=", ">", ">=", "(", ")", ",", "="))
_WORDLESS = {
    "I": "numbers are real",
    **dict.fromkeys(("oo", "zoo", "nan"), "a program computes with finite numbers"),
}
_OBJECTS = "from Python the expression itself can be given: gradient(expr, x=1)"


class _Frame:
    """What stands in a parenthesis that is open, in parts between commas.

    kind: "piecewise"; "pair", a parenthesis right in one of these; "" for any other.
    pairs: of a Piecewise, (value, condition).
    """

    def __init__(self, kind: str, opening: list[Token], word: Word | None) -> None:
        self.kind = kind
        self.opening = opening
        self.word = word
        self.parts: list[list[Token]] = [[]]
        self.pairs: list[list[list[Token]]] = []


def scan(text: str, given: Collection[str]) -> Scan | None:
    """Return the tokens of what SymPy printed, None where a sign is not of it. Raises ParseError."""
    words = cut(words_pattern(), text)
    return None if words is None else _Reader(text, given, words).scan()


class _Reader:
    def __init__(self, text: str, given: Collection[str], words: list[Word]) -> None:
        self.text = text
        self.given = given
        self.words = words
        self.frames = [_Frame("", [], None)]

    def scan(self) -> Scan:
        """Return the tokens. No recursion, linear in the words."""
        for place, word in enumerate(self.words):
            self.take(word, self.words[place + 1].word if place + 1 < len(self.words) else "")
        opened = self.frames[-1].word
        if opened is not None:
            raise self.refusal("'(' is never closed", opened, "add ')'")
        end = len(self.text)
        tokens = [*self.frames[0].parts[0], Token(STOP, ";", end, end), Token(FINISH, "", end, end)]
        return Scan(tokens)

    def take(self, word: Word, following: str) -> None:
        """Take a word into the parenthesis that is open."""
        frame = self.frames[-1]
        if word.kind == "name" and word.word == "Piecewise" and following == "(":
            self.frames.append(_Frame("piecewise", [], word))
        elif word.word == "(":
            self.open(word)
        elif word.word == ")" and len(self.frames) > 1:
            self.close(word)
        elif word.word == "," and frame.word is not None:
            frame.parts.append([])
        elif word.kind == "name":
            frame.parts[-1] += self.named(word, following)
        elif word.kind in _KINDS and (word.kind != "sign" or word.word in _SIGNS):
            frame.parts[-1].append(Token(_KINDS[word.kind], word.word, word.first, word.last))
        else:
            raise self.refusal(f"{word.word!r} is not read here", word, _OBJECTS)

    def open(self, word: Word) -> None:
        """Open a parenthesis: that of a Piecewise, of a pair in it, or any other."""
        frame = self.frames[-1]
        if frame.kind == "piecewise" and frame.word is not None and frame.word.word == "Piecewise":
            frame.word = word  # its own
        elif frame.kind == "piecewise" and not frame.parts[-1]:
            self.frames.append(_Frame("pair", [], word))
        else:
            self.frames.append(_Frame("", [Token(OPERATOR, "(", word.first, word.last)], word))

    def close(self, word: Word) -> None:
        """Close a parenthesis, and give what it holds to the one around it."""
        frame = self.frames.pop()
        around = self.frames[-1]
        if frame.kind == "pair":
            if len(frame.parts) != 2 or not all(frame.parts):
                raise self.refusal("a pair of a value and its condition is expected", word, "(x, x > 0)")
            around.pairs.append(frame.parts)
        elif frame.kind == "piecewise":
            around.parts[-1] += self.branches(frame, word)
        else:
            tokens = list(frame.opening)
            for place, part in enumerate(frame.parts):
                tokens += [Token(OPERATOR, ",", word.first, word.first)] * (place > 0) + part
            around.parts[-1] += [*tokens, Token(OPERATOR, ")", word.first, word.last)]

    def branches(self, frame: _Frame, word: Word) -> list[Token]:
        """Return the pairs of a Piecewise as where(condition, value, where(…)). Raises ParseError."""
        if any(frame.parts) or not frame.pairs:
            raise self.refusal("Piecewise holds pairs", word, "Piecewise((x, x > 0), (0, True))")
        last, condition = frame.pairs[-1]
        if [token.word for token in condition] != ["True"]:
            raise self.refusal(
                "a Piecewise has no value where none of its conditions holds",
                word,
                "the last pair is for all other cases: (0, True)",
            )
        tokens: list[Token] = []
        for value, holds in frame.pairs[:-1]:
            first, end = holds[0].first, holds[-1].last
            tokens += [Token(NAME, "where", first, first), Token(OPERATOR, "(", first, first), *holds]
            tokens += [Token(OPERATOR, ",", end, end), *value, Token(OPERATOR, ",", end, end)]
        single = [Token(OPERATOR, "(", last[0].first, last[0].first), *last]
        return [*tokens, *single, *[Token(OPERATOR, ")", word.first, word.last)] * len(frame.pairs)]

    def named(self, word: Word, following: str) -> list[Token]:
        """Return a name; E as exp(1). Raises ParseError for what has no word."""
        name, first, last = word.word, word.first, word.last
        if name == "E" and following != "(" and name not in self.given:
            spelled = (NAME, "exp"), (OPERATOR, "("), (NUMBER, "1"), (OPERATOR, ")")
            return [Token(kind, sign, first, last) for kind, sign in spelled]
        if name in _WORDLESS and name not in self.given:
            raise self.refusal(f"SymPy's {name} is not in the language", word, _WORDLESS[name])
        return [Token(NAME, name, first, last)]

    def refusal(self, message: str, word: Word, hint: str) -> RefusalError:
        """Return an error at a word."""
        return RefusalError(message, self.text, word.first, word.last, hint)
