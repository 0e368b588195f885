"""Expressions as SymPy prints them with str: Piecewise and its conditions, and E for Euler's number.

Everything else that it prints is in the plain language, or has no word there and is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.language.foreign.builder import Item, Piece, flat, grouped
from backprop_cli.language.foreign.decisions import decided
from backprop_cli.language.foreign.scan import RefusalError, Scan
from backprop_cli.language.foreign.words import Word, cut, words_pattern
from backprop_cli.language.tokens import FINISH, NAME, NUMBER, OPERATOR, STOP, Token

if TYPE_CHECKING:
    from collections.abc import Collection

MARKS = r"(?<!\w)Piecewise\s*\("

_KINDS = {"name": NAME, "number": NUMBER, "sign": OPERATOR, "end": STOP}
_SIGNS = {sign: sign for sign in ("+", "-", "*", "**", "/", "<", "<=", ">", ">=", ")", ",", "=")} | {
    "&": "and", "|": "or", "~": "not",
}  # fmt: skip
_EQUATIONS = {"Eq": "==", "Ne": "!="}
_WORDLESS = {
    "I": "numbers are real",
    **dict.fromkeys(("oo", "zoo", "nan"), "a program computes with finite numbers"),
}
_OBJECTS = "from Python the expression itself can be given: gradient(expr, x=1)"


class _Frame:
    """What stands in a parenthesis that is open, in parts between commas.

    kind: "piecewise"; "pair", a parenthesis right in one of these; "Eq" or "Ne"; "" for any other.
    pairs: of a Piecewise, (value, condition).
    """

    def __init__(self, kind: str, word: Word | None) -> None:
        self.kind = kind
        self.word = word
        self.parts: list[list[Item]] = [[]]
        self.pairs: list[list[Piece]] = []


def scan(text: str, given: Collection[str]) -> Scan | None:
    """Return the tokens of what SymPy printed, None where a sign is not of it. Raises ParseError."""
    words = cut(words_pattern(), text)
    return None if words is None else _Reader(text, given, words).scan()


class _Reader:
    def __init__(self, text: str, given: Collection[str], words: list[Word]) -> None:
        self.text = text
        self.given = given
        self.words = words
        self.frames = [_Frame("", None)]

    def scan(self) -> Scan:
        """Return the tokens. No recursion, linear in the words."""
        for place, word in enumerate(self.words):
            self.take(word, self.words[place + 1].word if place + 1 < len(self.words) else "")
        opened = self.frames[-1].word
        if opened is not None:
            raise self.refusal("'(' is never closed", opened, "add ')'")
        end = len(self.text)
        tokens = [*flat(self.frames[0].parts[0]), Token(STOP, ";", end, end), Token(FINISH, "", end, end)]
        return Scan(tokens)

    def take(self, word: Word, following: str) -> None:
        """Take a word into the parenthesis that is open."""
        frame = self.frames[-1]
        if word.kind == "name" and following == "(" and word.word in ("Piecewise", *_EQUATIONS):
            self.frames.append(_Frame(word.word, None))
        elif word.word == "(":
            self.open(word)
        elif word.word == ")" and len(self.frames) > 1:
            self.close(word)
        elif word.word == "," and frame.word is not None:
            frame.parts.append([])
        elif word.kind == "name":
            frame.parts[-1] += self.named(word, following)
        elif word.kind in _KINDS and (word.kind != "sign" or word.word in _SIGNS):
            sign = _SIGNS.get(word.word, word.word)
            frame.parts[-1].append(Token(_KINDS[word.kind], sign, word.first, word.last))
        else:
            raise self.refusal(f"{word.word!r} is not read here", word, _OBJECTS)

    def open(self, word: Word) -> None:
        """Open a parenthesis: that of a function of SymPy's, of a pair in a Piecewise, or any other."""
        frame = self.frames[-1]
        if frame.kind and frame.word is None:
            frame.word = word  # its own
        elif frame.kind == "Piecewise" and not frame.parts[-1]:
            self.frames.append(_Frame("pair", word))
        else:
            self.frames.append(_Frame("", word))

    def close(self, word: Word) -> None:
        """Close a parenthesis, and give what it holds to the one around it."""
        frame = self.frames.pop()
        around = self.frames[-1]
        if frame.kind == "pair":
            if len(frame.parts) != 2 or not all(frame.parts):
                raise self.refusal("a pair of a value and its condition is expected", word, "(x, x > 0)")
            around.pairs.append([_piece(part) for part in frame.parts])
        elif frame.kind == "Piecewise":
            around.parts[-1].append(self.branches(frame, word))
        elif frame.kind in _EQUATIONS:
            around.parts[-1].append(self.equation(frame, word))
        else:
            opened = frame.word
            assert opened is not None
            items: list[Item] = []
            for place, part in enumerate(frame.parts):
                items += [Token(OPERATOR, ",", word.first, word.first)] * (place > 0)
                items += [_piece(part)] if part else []
            opening = Token(OPERATOR, "(", opened.first, opened.last)
            closing = Token(OPERATOR, ")", word.first, word.last)
            around.parts[-1].append(Piece([opening, *items, closing], opened.first, word.last))

    def equation(self, frame: _Frame, word: Word) -> Piece:
        """Return Eq(a, b) as a == b, which stands in conditions alone. Raises ParseError."""
        if len(frame.parts) != 2 or not all(frame.parts):
            raise self.refusal(f"{frame.kind} has two operands", word, f"{frame.kind}(x, 1)")
        left, right = map(_piece, frame.parts)
        sign = Token(OPERATOR, _EQUATIONS[frame.kind], left.last, right.first)
        return grouped(Piece([grouped(left), sign, grouped(right)], left.first, right.last))

    def branches(self, frame: _Frame, word: Word) -> Piece:
        """Return the pairs of a Piecewise as where(condition, value, where(…)). Raises ParseError."""
        if any(frame.parts) or not frame.pairs:
            raise self.refusal("Piecewise holds pairs", word, "Piecewise((x, x > 0), (0, True))")
        last, condition = frame.pairs[-1]
        if [token.word for token in flat([condition])] != ["True"]:
            raise self.refusal(
                "a Piecewise has no value where none of its conditions holds",
                word,
                "the last pair is for all other cases: (0, True)",
            )
        result = grouped(last)
        for value, holds in reversed(frame.pairs[:-1]):
            result = decided(self.text, holds, value, result, holds.first, word.last)
        return result

    def named(self, word: Word, following: str) -> list[Item]:
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


def _piece(items: list[Item]) -> Piece:
    return Piece(items, items[0].first, items[-1].last)
