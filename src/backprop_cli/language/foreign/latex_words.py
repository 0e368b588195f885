r"""The words of a piece of LaTeX, one after the other, and the names that they spell."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backprop_cli.language.foreign.latex_names import (
    ACCENTS,
    GREEK,
    UPRIGHT,
    VARIANTS,
    is_part,
    joined,
    known_as,
)
from backprop_cli.language.foreign.scan import RefusalError
from backprop_cli.language.foreign.words import Word
from backprop_cli.language.tokens import NAME, Token

if TYPE_CHECKING:
    from backprop_cli.errors import ParseError
    from backprop_cli.language.foreign.builder import Item
    from backprop_cli.language.foreign.letters import KnownNames

FUNCTIONS = {
    **{f"\\{name}": name for name in (
        "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "exp", "ln", "log", "max",
        "min",
    )},
    **{f"\\arc{name}": f"a{name}" for name in ("sin", "cos", "tan")},
}  # fmt: skip


class LatexWords:
    """The words of a piece of text. known: names with a value.  place: of the word that comes next."""

    def __init__(self, text: str, known: KnownNames, words: list[Word]) -> None:
        self.text = text
        self.known = known
        self.words = words
        self.place = 0

    def error(self, message: str, word: Word | Item, hint: str = "") -> ParseError:
        """Return the refusal of a word."""
        return RefusalError(message, self.text, word.first, word.last, hint)

    def peek(self, ahead: int = 0) -> Word:
        """Return a word that comes, an empty one behind the last."""
        place = self.place + ahead
        end = self.words[-1].last if self.words else len(self.text)
        return self.words[place] if place < len(self.words) else Word("", "", end, end)

    def take(self) -> Word:
        """Return the word that comes, and pass it."""
        word = self.peek()
        self.place += 1
        return word

    def run_of_letters(self, longest: int) -> list[Word]:
        """Return the letter that was read and those close behind it, at most one more than so many."""
        run = [self.words[self.place - 1]]
        while len(run) <= longest:
            word = self.peek(len(run) - 1)
            if word.kind != "letter" or word.first != run[-1].last:
                break
            run.append(word)
        return run

    def opens(self) -> bool:
        """Tell whether a parenthesis comes."""
        word = self.peek()
        return word.word in ("(", "[") or (word.word == r"\left" and self.peek(1).word in ("(", "["))

    def decorated(self, name: str, last: int) -> tuple[str, int]:
        """Return a name with its subscript and its marks, and where it ends."""
        while True:
            word = self.peek()
            if word.word == "_":
                self.place += 1
                part, last = self.subscript(word)
                name += f"_{part}"
            elif word.word == "'":
                self.place += 1
                name, last = f"{name}_prime", word.last
            elif word.word == "^" and self.mark():
                part = self.mark()
                if name == "e" and "e" not in self.known and part not in ("_star", "_prime"):
                    raise self.error(
                        "e with an index in parentheses may be a power", self.peek(1), "write e_i, or exp(i)"
                    )
                length = 1 if self.peek(1).word != "{" else self.braces(1)
                last = self.peek(length).last
                self.place += 1 + length
                name += part
            else:
                return name, last

    def mark(self) -> str:
        """Return the end of a name that a superscript is: a star, a prime, an index in parentheses."""
        following = self.peek(1)
        inner = [following.word]
        if following.word == "{":
            inner = []
            for i in range(2, self.braces(1)):
                inner.append(self.peek(i).word)
                if not is_part(inner[-1]):  # so that nested exponents are not looked through at each level
                    return ""
        if inner in (["*"], [r"\ast"], [r"\star"]):
            return "_star"
        if inner and all(word in ("'", r"\prime") for word in inner):
            return "_prime" * len(inner)
        if len(inner) > 2 and inner[0] == "(" and inner[-1] == ")":
            part = joined(inner[1:-1])
            return f"_{part}" if part else ""
        return ""

    def braces(self, ahead: int) -> int:
        """Return how far ahead the brace closes that stands so far ahead."""
        close = self.closing.get(self.place + ahead)
        if close is None:
            raise self.error("this { is never closed", self.peek(ahead))
        return close - self.place

    @cached_property
    def closing(self) -> dict[int, int]:
        """The places of the braces that open, with those of the braces that close them."""
        found: dict[int, int] = {}
        opened: list[int] = []
        for place, word in enumerate(self.words):
            if word.word == "{":
                opened.append(place)
            elif word.word == "}" and opened:
                found[opened.pop()] = place
        return found

    def subscript(self, sign: Word) -> tuple[str, int]:
        """Return a subscript as the end of a name, and where it ends."""
        word = self.peek()
        if word.word == "{":
            end = self.braces(0)
            inner = self.words[self.place + 1 : self.place + end]
            last = self.peek(end).last
            self.place += end + 1
        else:
            inner, last = [word], word.last
            self.place += 1
            if word.word.lstrip("\\") in UPRIGHT and self.peek().word == "{":
                end = self.braces(0)
                inner, last = self.words[self.place + 1 : self.place + end], self.peek(end).last
                self.place += end + 1
        words = [self.subscript_word(word) for word in inner if word.word.lstrip("\\") not in UPRIGHT]
        part = joined(words) if words and words[0] != "*" else "star" if words == ["*"] else None
        if not part:
            raise self.error("this subscript is no part of a name", sign, "write letters and digits")
        return part, last

    @staticmethod
    def subscript_word(word: Word) -> str:
        """Return a word of a subscript without its backslash, if it is a letter."""
        bare = word.word.lstrip("\\")
        return VARIANTS.get(bare, bare) if bare in GREEK or bare in VARIANTS or bare == "pi" else word.word

    def group_text(self) -> tuple[str, int]:
        r"""Return the letters that an accent or \text is of, and where they end."""
        word = self.peek()
        if word.word == "{":
            end = self.braces(0)
            inner, last = self.words[self.place + 1 : self.place + end], self.peek(end).last
            self.place += end + 1
        else:
            inner, last = [word], word.last
            self.place += 1
        words = ["_" if w.word == r"\_" else self.subscript_word(w) for w in inner]
        words = [w for w in words if w.lstrip("\\") not in UPRIGHT]
        name = joined(words)
        if name is None or name[0].isdigit():
            raise self.error("a name is expected here", word)
        return name, last

    def read_target(self) -> Token | None:
        """Return the name that the words begin with, None if they begin with none."""
        word = self.take()
        bare = word.word.lstrip("\\")
        if word.word == "{" and self.peek().kind == "letter":
            word = self.take()
            bare = word.word
        if word.kind == "letter":
            run = self.run_of_letters(len(self.words))
            name = "".join(w.word for w in run)
            self.place += len(run) - 1
            last = run[-1].last
        elif bare in ACCENTS:
            name, last = self.group_text()
            name += f"_{ACCENTS[bare]}"
        elif bare in UPRIGHT or bare in ("mathbf", "boldsymbol"):
            name, last = self.group_text()
        elif bare in GREEK or bare in VARIANTS or bare == "pi":
            name, last = VARIANTS.get(bare, bare), word.last
            if bare == "Delta" and self.peek().kind == "letter":
                following = self.take()
                name, last = f"Delta_{following.word}", following.last
        elif word.word in FUNCTIONS:
            return Token(NAME, bare, word.first, word.last)
        else:
            return None
        name, last = self.decorated(name, last)
        return Token(NAME, known_as(name, self.known), word.first, last)
