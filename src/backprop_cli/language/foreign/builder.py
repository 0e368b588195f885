"""What every scanner builds its tokens with: operands that are complete, and open parentheses.

A scanner goes through its text once, from left to right. An operand that is complete is one item, whatever
it is made from, so that a method can still be called on it, or a power taken of it, by wrapping the item.
Items nest; the tokens in them are strung together once, at the end.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.tokens import FINISH, NAME, NUMBER, OPERATOR, Token, plain_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Make = Callable[["list[Piece]", "dict[str, Piece]", int, int], "Item"]
    """Makes the operand from what stands between parentheses: positional operands, those with a keyword, and
    where the whole starts and ends."""


class Piece:
    """Items in a row, that stand for the text from ``first`` to ``last``. size: how many tokens they have."""

    __slots__ = ("first", "items", "last", "size")

    def __init__(self, items: Sequence[Item], first: int, last: int) -> None:
        self.items = items
        self.size: int = sum(1 if isinstance(item, Token) else item.size for item in items)
        self.first = first
        self.last = last


Item = Token | Piece


class Frame:
    """What is open: the whole text, a parenthesis, the operands of a function.

    closing: the sign that ends it, "" for the text.  make: makes the operand of it.  first: where it starts.
    operands: those that are complete; the last one is being read into ``items``.  keyword: the name of that.
    then: what is done with the operand instead of putting it in its place.
    """

    __slots__ = ("closing", "first", "items", "keyword", "keywords", "make", "operands", "start", "then")

    def __init__(self, closing: str, make: Make | None, first: int, start: int) -> None:
        self.closing = closing
        self.make = make
        self.first = first
        self.start = start
        self.operands: list[Piece] = []
        self.keywords: dict[str, Piece] = {}
        self.keyword = ""
        self.items: list[Item] = []
        self.then: Callable[[Item], None] | None = None


class Builder:
    """The tokens of a text so far.

    frames: what is open, the whole text first.  after_operand: whether the last item is a complete operand.
    product: the sign of a multiplication that is not written.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.product = "*"
        self.frames = [Frame("", None, 0, 0)]
        self.after_operand = False

    @property
    def items(self) -> list[Item]:
        """What is read of the innermost operand."""
        return self.frames[-1].items

    @property
    def depth(self) -> int:
        """How many parentheses are open."""
        return len(self.frames) - 1

    def error(self, message: str, first: int, last: int, hint: str = "") -> ParseError:
        """Return the error of a piece of the text."""
        return ParseError(message, self.text, first, last, hint)

    def operand(self, item: Item) -> None:
        """Put an operand behind an operator. The scanner says what two operands in a row mean."""
        self.items.append(item)
        self.after_operand = True

    def name(self, word: str, first: int, last: int) -> None:
        """Put a name there."""
        self.operand(Token(NAME, word, first, last))

    def number(self, word: str, first: int, last: int) -> None:
        """Put a number there."""
        self.operand(Token(NUMBER, word, first, last))

    def sign(self, word: str, first: int, last: int) -> None:
        """Put an operator there, or a sign before an operand."""
        self.items.append(Token(OPERATOR, word, first, last))
        self.after_operand = False

    def multiply(self, place: int) -> None:
        """Put a multiplication there that is not written."""
        self.sign(self.product, place, place)

    def wrap(self, make: Callable[[Item], Item]) -> None:
        """Replace the operand that is complete by what is made from it."""
        self.items[-1] = make(self.items[-1])

    def open(self, closing: str, make: Make, first: int, start: int) -> None:
        """Open a parenthesis at ``start`` whose operand begins at ``first``."""
        self.frames.append(Frame(closing, make, first, start))
        self.after_operand = False

    def separate(self, place: int) -> None:
        """End an operand of what is open with the comma at this place."""
        frame = self.frames[-1]
        if not frame.items:
            raise self.error("a value is expected before ','", place, place + 1)
        self.end_operand(frame, place)
        self.after_operand = False

    def close(self, closing: str, first: int, last: int) -> None:
        """Close what is open, and put its operand in its place."""
        frame = self.frames[-1]
        if frame.closing != closing:
            if frame.closing:
                expected = f"{frame.closing} is expected, for {self.text[frame.start]!r}"
                raise self.error(f"{expected}, got {closing!r}", first, last)
            raise self.error(f"this {closing} closes nothing", first, last)
        if frame.items:
            self.end_operand(frame, first)
        self.frames.pop()
        assert frame.make is not None
        self.operand(frame.make(frame.operands, frame.keywords, frame.first, last))

    def complete(self, last: int) -> list[Item]:
        """Return the items of the whole text, which ends there. Raises ParseError where something is open."""
        frame = self.frames[-1]
        if self.depth:
            raise self.error(f"this {self.text[frame.start]} is never closed", frame.start, frame.start + 1)
        if not self.after_operand:
            raise self.error("the expression ends where a value is expected", last, last)
        return frame.items

    def end_operand(self, frame: Frame, last: int) -> None:
        """Complete the operand that is being read into a frame."""
        first = frame.items[0].first
        piece = Piece(frame.items, first, max(first, last))
        if frame.keyword:
            frame.keywords[frame.keyword] = piece
        else:
            frame.operands.append(piece)
        frame.items, frame.keyword = [], ""


def flat(items: Sequence[Item]) -> list[Token]:
    """Return the tokens of items in a row, at any depth."""
    return list(_tokens(items))


def leading(items: Sequence[Item], count: int) -> list[str]:
    """Return the first words of items in a row, without a look at the others."""
    return [token.word for token in islice(_tokens(items), count)]


def _tokens(items: Sequence[Item]) -> Iterator[Token]:
    waiting: list[Item] = list(reversed(items))
    while waiting:
        item = waiting.pop()
        if isinstance(item, Token):
            yield item
        else:
            waiting += reversed(item.items)


def grouped(item: Item) -> Piece:
    """Return an item in parentheses."""
    opening, closing = (
        Token(OPERATOR, "(", item.first, item.first),
        Token(OPERATOR, ")", item.last, item.last),
    )
    return Piece((opening, item, closing), item.first, item.last)


def group(operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Item:  # noqa: ARG001
    """Return what plain parentheses make of what is in them; see ``Make``. An empty pair makes nothing."""
    inner: list[Item] = []
    for operand in operands:
        inner += (Token(OPERATOR, ",", operand.first, operand.first), operand) if inner else (operand,)
    opening, closing = Token(OPERATOR, "(", first, first), Token(OPERATOR, ")", max(first, last - 1), last)
    return Piece((opening, *inner, closing), first, last)


def called(name: str, operands: Sequence[Item], first: int, last: int) -> Piece:
    """Return a call of a function of the plain language."""
    items: list[Item] = [Token(NAME, name, first, last), Token(OPERATOR, "(", first, first)]
    for place, operand in enumerate(operands):
        if place:
            items.append(Token(OPERATOR, ",", operand.first, operand.first))
        items.append(operand)
    items.append(Token(OPERATOR, ")", last, last))
    return Piece(items, first, last)


def filled(template: str, operands: Sequence[Item], first: int, last: int) -> Piece:
    """Return a text of the plain language whose names ``_1``, ``_2`` … are operands.

    They stand in parentheses, and so does all of it.
    """
    items: list[Item] = []
    for match in plain_tokens(template):
        kind = match.lastindex
        assert kind is not None
        if kind == FINISH:
            break
        # A name or a number is matched together with the sign behind it.
        for word, of in (
            (match[1] or match[3], NAME if match[1] else NUMBER),
            (match[2] or match[4] or match[5], OPERATOR),
        ):
            if word and of == NAME and word[0] == "_":
                items.append(grouped(operands[int(word[1:]) - 1]))
            elif word:
                items.append(Token(of, word, first, last))
    return grouped(Piece(items, first, last))
