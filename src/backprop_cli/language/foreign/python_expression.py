"""An expression of Python: names with dots, calls and methods, indexes, conditions behind their value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.builder import Builder, Frame, Item, Piece, called, filled, group, grouped
from backprop_cli.language.foreign.decisions import COMPARISONS, decided
from backprop_cli.language.foreign.python_calls import INFINITE, LAYERS, Call, Listed, made
from backprop_cli.language.foreign.python_words import split
from backprop_cli.language.foreign.words import Word, matching
from backprop_cli.language.tokens import NAME, NUMBER, OPERATOR, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.language.foreign.python_names import Names

_CONSTRUCTORS = frozenset((
    "Value", "tensor", "Tensor", "constant", "Variable", "array", "float64", "float32", "Parameter",
    "as_tensor", "Scalar", "Var", "Node", "FloatTensor", "DoubleTensor", "Double", "scalar",
))  # fmt: skip
_OPTIONS = frozenset(
    (
        "label", "requires_grad", "dtype", "name", "device", "_op", "_children", "shape", "trainable",
        "inplace",
    )
)  # fmt: skip
_VALUES = frozenset(("data", "value", "initial_value"))
"""Keywords by which a constructor may be given its number."""
_CONSTANTS = {
    "pi": "pi", "PI": "pi", "tau": "2*pi", "e": "exp(1)", "E": "exp(1)", "inf": INFINITE, "infty": INFINITE,
}  # fmt: skip
_NO_NAMES = frozenset((
    "for", "in", "is", "while", "lambda", "return", "yield", "await", "del", "class", "def", "import", "new",
    "True", "False", "None", "true", "false", "null", "if", "else", "and", "or",
))  # fmt: skip


class Expression:
    """The words of one expression, read from left to right. place: of the word that comes next.

    tight: operators that bind as closely as ``%``, or closer.  layers: functions that layers compute.
    options: keywords that say nothing about a number.
    """

    tight = frozenset(("*", "/", "**", "^"))
    layers = LAYERS
    options = _OPTIONS

    def __init__(self, text: str, names: Names, words: list[Word]) -> None:
        self.text = text
        self.names = names
        self.given = names.given
        self.words = words
        self.place = 0
        self.builder = Builder(text)
        self.lists: list[Listed] = []  # of several numbers, that no function has taken so far

    def read(self) -> list[Item]:
        """Return the items of the expression. Raises ParseError."""
        builder = self.builder
        while self.place < len(self.words):
            word = self.words[self.place]
            self.place += 1
            if word.kind == "name":
                self.name(word)
            elif word.kind == "number":
                self.before_operand(word)
                builder.number(word.word.rstrip("fFLd"), word.first, word.last)
            elif word.kind == "text":
                self.literal(word)
            else:
                self.sign(word)
        if not self.words:
            raise self.builder.error("a value is expected here", 0, 0)
        self.decide(self.words[-1].last)
        items = builder.complete(self.words[-1].last)
        for left in self.lists:
            message = f"a list of {len(left.operands)} numbers stands here"
            raise builder.error(message, left.first, left.last, "a function takes one: sum([a, b])")
        return items

    def peek(self, ahead: int = 0) -> str:
        """Return a word that comes, "" behind the last one."""
        place = self.place + ahead
        return self.words[place].word if place < len(self.words) else ""

    def error(self, message: str, word: Word, hint: str = "") -> ParseError:
        """Return the error of a word."""
        return ParseError(message, self.text, word.first, word.last, hint)

    def before_operand(self, word: Word) -> None:
        """Refuse an operand right behind another."""
        if self.builder.after_operand:
            raise self.error(
                f"an operator is missing before {word.word!r}", word, f"did you mean *{word.word}?"
            )

    def literal(self, word: Word) -> None:
        """Read a text, which only labels have, and the ways of an approximation."""
        if self.builder.frames[-1].keyword != "approximate":
            raise self.error("there is no text in the language", word)
        self.builder.name(word.word.strip("'\""), word.first, word.last)

    # ---- names ----

    def name(self, word: Word) -> None:
        """Read a name with what stands behind its dots up to a call."""
        if self.builder.after_operand:
            if word.word in ("if", "else", "and", "or"):
                self.word_between(word)
                return
            if word.word == "for":
                hint = "functions of arrays work on all elements: sum(x**2)"
                raise self.error("a loop within an expression is not read", word, hint)
        elif word.word == "not":
            self.builder.sign("not", word.first, word.last)
            return
        self.before_operand(word)
        parts = [word]
        while self.peek() in (".", "::") and self.place + 1 < len(self.words):
            if not (self.names.is_module(parts) or (len(parts) == 1 and self.names.is_holder(word))):
                break
            parts.append(self.words[self.place + 1])
            self.place += 2
        self.named(parts)

    def named(self, parts: list[Word]) -> None:
        """Read a name, or the call of a function by this name."""
        word, first = parts[-1], parts[0].first
        name = word.word.lstrip("$")
        is_of_module = len(parts) > 1 and self.names.is_module(parts[:-1])
        constant = self.names.constant(parts)
        if self.peek() == "(":
            self.function(parts, first)
        elif name == "Value" and self.peek() == "[":
            self.place += 3 if self.peek(2) == ":" else 1
            self.builder.open("]", group, first, first)
        elif constant:
            self.constant(constant, first, word.last)
        elif self.is_word_of_keyword(name):
            self.builder.name(name, first, word.last)
        elif name == "None" and self.builder.depth:
            self.builder.name(INFINITE, first, word.last)  # no limit
        elif name in _NO_NAMES and self.builder.frames[-1].keyword != "approximate":
            hint = "where(cond, a, b) decides" if name in ("if", "else", "and", "or") else ""
            raise self.error(f"{name!r} is not read here", word, hint)
        elif is_of_module:
            raise self.error(f"{name} is no number that is known here", word)
        else:
            path = [part.word.lstrip("$") for part in parts]
            name = self.names.of(path, first, word.last)
            self.builder.name(name, first, word.last)

    def is_word_of_keyword(self, name: str) -> bool:  # noqa: ARG002 - arrays have such
        """Tell whether a word such as None is the value of a keyword."""
        return False

    def constant(self, name: str, first: int, last: int) -> None:
        """Read a constant of a module."""
        template = _CONSTANTS[name]
        if template == INFINITE:
            self.builder.name(template, first, last)  # which only the limits of clip may be
        else:
            self.builder.operand(filled(template, [], first, last))

    # ---- calls ----

    def function(self, parts: list[Word], first: int) -> None:
        """Open the call of a function, of a constructor, or of the function that a layer computes."""
        name = parts[-1].word
        start = self.words[self.place].first
        if name in _CONSTRUCTORS:
            self.place += 1
            self.construct(first, start)
            return
        library = self.names.library(parts)
        end = matching(self.words, self.place) if name in self.layers else None
        if end is not None and end + 1 < len(self.words) and self.words[end + 1].word == "(":
            behind, keywords = self.settings(self.words[self.place + 1 : end])
            self.place = end + 2
            self.call(self.layers[name], [], first, start, library or "torch", behind, keywords)
        else:
            self.place += 1
            self.call(self.names.imported(name), [], first, start, library)

    def settings(self, words: list[Word]) -> tuple[list[Item], dict[str, Piece]]:
        """Return the numbers between the parentheses of a layer."""
        behind: list[Item] = []
        keywords: dict[str, Piece] = {}
        for part in split(words, ","):
            place = 2 if len(part) > 2 and part[1].word == "=" else 0
            value = [Token(NUMBER if w.kind == "number" else NAME, w.word.strip("'\""), w.first, w.last)
                     if w.word not in ("-", "+") else Token(OPERATOR, w.word, w.first, w.last)
                     for w in part[place:]]  # fmt: skip
            if not value or (place and part[0].word in _OPTIONS):
                continue
            if len(value) > 2 or any(w.kind == "sign" and w.word not in ("-", "+") for w in part[place:]):
                raise self.error("only numbers are read here", part[0])
            piece = Piece(value, part[place].first, part[-1].last)
            if place:
                keywords[part[0].word] = piece
            else:
                behind.append(piece)
        return behind, keywords

    def call(
        self,
        name: str,
        before: list[Item],
        first: int,
        start: int,
        library: str,
        behind: list[Item] | None = None,
        settings: dict[str, Piece] | None = None,
    ) -> None:
        """Open the call of a function.

        before: the operand that a method is called on.  behind, settings: those that are written elsewhere.
        """

        def make(operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Item:
            every = [*before, *operands, *(behind or ())]
            if len(every) == 1:
                every = [self.listed(every[0])]
            named = {**(settings or {}), **keywords}
            return self.made(Call(self.text, name, every, named, first, last, library, bool(before)))

        self.builder.open(")", make, first, start)
        self.skip_options()

    def made(self, call: Call) -> Item:
        """Return what a call comes to."""
        return made(call)

    def listed(self, operand: Item) -> Item:
        """Return the list that an operand is, to be taken by its function; the operand, if it is none."""
        item = operand.items[0] if isinstance(operand, Piece) and len(operand.items) == 1 else operand
        if not isinstance(item, Listed):
            return operand
        self.lists.remove(item)
        return item

    def construct(self, first: int, start: int) -> None:
        """Open ``Value(2.0, label='a')`` or ``tensor([2.0])``, which are their number."""

        def make(operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Item:
            numbers = [*operands, *(piece for name, piece in keywords.items() if name in _VALUES)]
            if len(numbers) != 1:
                raise ParseError("one number is expected here", self.text, first, last)
            return group(numbers, {}, first, last)

        self.builder.open(")", make, first, start)

    # ---- signs ----

    def sign(self, word: Word) -> None:
        """Read an operator, a parenthesis, or what follows a dot."""
        builder, sign = self.builder, word.word
        if sign == "(" and not builder.after_operand:
            builder.open(")", group, word.first, word.first)
        elif sign == "(":
            hint = "paste what the function computes" if isinstance(builder.items[-1], Token) else ""
            raise self.error("what stands before this parenthesis is no function", word, hint)
        elif sign == "[":
            self.bracket(word)
        elif sign in (")", "]"):
            self.decide(word.first)
            builder.close(sign, word.first, word.last)
            if self.builder.items[-1].first == word.first:
                raise self.error("a value is expected before ')'", word)
        elif sign == "," and builder.depth:
            self.decide(word.first)
            builder.separate(word.first)
            self.skip_options()
        elif sign == ",":
            raise self.error("there are several results here", word, "paste one of them")
        elif sign == ".":
            self.member(word)
        elif sign == "=" and builder.frames[-1].closing == ")" and len(builder.items) == 1:
            self.keyword(word)
        elif sign == "=":
            raise self.error("a name is given its value at the start of a line alone", word)
        elif sign in ("&", "|", "&&", "||", "~", "!"):
            self.word_between(word)
        elif sign == "%" and builder.after_operand and not self.names.is_c:
            self.remainder(word)
        elif sign in (_BETWEEN if builder.after_operand else _BEFORE):
            if builder.after_operand and sign not in _POWERS:
                self.end_remainders(word.first)
            builder.sign(sign, word.first, word.last)
        elif sign == "?" and builder.after_operand:
            self.turn(word, _COLON)
        elif sign == ":" and builder.frames[-1].closing == _COLON:
            self.turn(word, _REST)
        else:
            hint = _HINTS.get(sign, "")
            if builder.after_operand or sign in _HINTS:
                raise self.error(f"{sign!r} is not read here", word, hint)
            raise self.error(f"a value is expected before {sign!r}", word)

    def remainder(self, word: Word) -> None:
        """Take the term that is complete as the dividend of ``%``, and wait for the divisor."""
        self.end_remainders(word.first)
        builder = self.builder
        items = builder.items
        place = len(items)
        while place and not self.ends_term(items, place - 1):
            place -= 1
        dividend = Piece(items[place:], items[place].first, word.first)
        del items[place:]

        def make(parts: list[Piece], _: dict[str, Piece], first: int, last: int) -> Item:
            return filled("_1 - _2*floor(_1/_2)", parts, first, last)

        frame = Frame(_DIVISOR, make, dividend.first, word.first)
        frame.operands.append(dividend)
        builder.frames.append(frame)
        builder.after_operand = False

    def ends_term(self, items: Sequence[Item], place: int) -> bool:
        """Tell whether an item is an operator that binds looser than ``%``, and no sign of a number."""
        item = items[place]
        if not isinstance(item, Token) or item.lastindex != OPERATOR:
            return False
        is_sign = item.word in _BEFORE and (not place or _is_operator(items[place - 1]))
        return item.word not in self.tight and not is_sign

    def end_remainders(self, last: int) -> None:
        """End the divisor of ``%``: the next operator binds no closer."""
        builder = self.builder
        while builder.frames[-1].closing == _DIVISOR:
            frame = builder.frames[-1]
            if not builder.after_operand:
                raise builder.error("a value is expected behind '%'", frame.start, frame.start + 1)
            builder.end_operand(frame, last)
            builder.frames.pop()
            assert frame.make is not None
            builder.operand(frame.make(frame.operands, {}, frame.first, last))

    def bracket(self, word: Word) -> None:
        """Read an index, which becomes part of the name before it, or a list of one number."""
        builder = self.builder
        if not builder.after_operand:
            builder.open("]", self.only, word.first, word.first)
            return
        target = builder.items[-1]
        end = matching(self.words, self.place - 1)
        if not isinstance(target, Token) or target.lastindex != NAME or end is None:
            raise self.error("an index stands behind a name", word)
        index = [part for part in self.words[self.place : end] if part.word != ","]
        self.place = end + 1
        path = [target.word, *(part.word.strip("'\"") for part in index)]
        if len(path) == 1 or not all(part.isidentifier() or part.isdigit() for part in path[1:]):
            hint = f"write the element as a name of its own: {target.word}_0"
            raise self.error("an index is a whole number or a name", index[0] if index else word, hint)
        name = self.names.of(path, target.first, self.words[end].last)
        builder.items[-1] = Token(NAME, name, target.first, self.words[end].last)

    def only(self, operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Item:
        """Return the number that is alone in a list, or the list, which a function is to take."""
        if len(operands) > 1 and not keywords:
            self.lists.append(Listed(operands, first, last))
            return self.lists[-1]
        if len(operands) != 1 or keywords:
            message = f"a list of {len(operands)} numbers stands here"
            raise ParseError(message, self.text, first, last, "an array has elements: [1, 2, 3]")
        return group(operands, keywords, first, last)

    def member(self, word: Word) -> None:
        """Read what stands behind a dot: a method, or a number that a thing has."""
        builder = self.builder
        if not builder.after_operand or self.place >= len(self.words):
            raise self.error("a name or a number is expected before '.'", word)
        member = self.words[self.place]
        self.place += 1
        name, target = member.word, builder.items[-1]
        is_name = isinstance(target, Token) and target.lastindex == NAME
        if self.peek() == "(" and name not in self.given:
            self.method(name, self.words[self.place].first, member)
        elif name in _ITSELF and name not in self.given:
            pass
        elif name in _PROPERTIES and name not in self.given:
            builder.items[-1] = called(name, [target], target.first, member.last)
        elif name in ("T", "shape", "grad") or not is_name:
            hint = "gradients are what this computes" if name == "grad" else "no value here is an array"
            raise self.error(f".{name} is not read", member, hint)
        else:
            assert isinstance(target, Token)
            if target.word in self.given:
                raise self.error(f"{target.word} is given a number, so it has no .{name}", member)
            whole = self.names.of([target.word, name], target.first, member.last)
            builder.items[-1] = Token(NAME, whole, target.first, member.last)

    def method(self, name: str, start: int, member: Word) -> None:
        """Open the call of a method on the operand that is complete."""
        builder = self.builder
        self.place += 1
        target = builder.items.pop()
        builder.after_operand = False
        if name in functions.IDENTITIES - {"detach"} or name in _LABELLED:
            place = matching(self.words, self.place - 1)
            if place is None:
                raise self.error("this ( is never closed", member)
            self.place = place + 1
            builder.operand(target if isinstance(target, Token) else grouped(target))
        elif name.endswith("_"):
            hint = f"write the new value as a statement: y = {name.rstrip('_')}(…)"
            raise self.error(f"{name} changes a number in its place", member, hint)
        else:
            self.call(_METHODS.get(name, name), [target], target.first, start, "")

    def keyword(self, word: Word) -> None:
        """Take the name before a = within parentheses as the keyword of the operand."""
        frame = self.builder.frames[-1]
        name = frame.items.pop()
        if not isinstance(name, Token) or name.lastindex != NAME:
            raise self.error("'=' stands behind a name", word)
        frame.keyword = name.word
        self.builder.after_operand = False

    def skip_options(self) -> None:
        """Pass over what says nothing about a number: ``label='a'``, ``requires_grad=True``, a text."""
        while self.place < len(self.words):
            here = self.place
            if self.words[here].kind == "text":
                here += 1
            elif self.words[here].word in self.options and self.peek(1) == "=":
                here += 2
                depth = 0
                while here < len(self.words):
                    word = self.words[here]
                    if word.kind == "sign":
                        if not depth and word.word in (",", ")"):
                            break
                        depth += (word.word in "([{") - (word.word in ")]}")
                    here += 1
            else:
                return
            self.place = here
            if self.peek() == ",":
                self.place += 1
        return

    # ---- decisions ----

    def word_between(self, word: Word) -> None:
        """Read ``if``, ``else``, ``and``, ``or`` and their signs."""
        builder = self.builder
        self.end_remainders(word.first)
        name = {"&": "and", "&&": "and", "|": "or", "||": "or", "~": "not", "!": "not"}.get(
            word.word, word.word
        )
        if name == "not" and not builder.after_operand:
            builder.sign("not", word.first, word.last)
        elif name in ("and", "or") and builder.after_operand:
            if word.word in "&|" and not (isinstance(builder.items[-1], Piece) and self.peek() in "(~"):
                raise self.error(f"{word.word!r} binds before <", word, "put both conditions in parentheses")
            builder.sign(name, word.first, word.last)
        elif name == "if" and builder.after_operand:
            self.turn(word, _ELSE)
        elif name == "else" and builder.after_operand and builder.frames[-1].closing == _ELSE:
            self.turn(word, _REST)
        else:
            raise self.error(f"{word.word!r} is not read here", word, "where(cond, a, b) decides")

    def turn(self, word: Word, closing_word: str) -> None:
        """End one part of a decision, and wait for the word that ends the next one."""
        builder = self.builder
        self.end_remainders(word.first)
        frame = builder.frames[-1]
        first = frame.items[0].first if frame.items else word.first
        if closing_word == _REST:
            builder.end_operand(frame, word.first)
            frame.closing = _REST
        else:
            part = Piece(list(frame.items), first, word.first)
            frame.items.clear()
            is_c = closing_word == _COLON

            def make(parts: list[Piece], _: dict[str, Piece], first: int, last: int) -> Item:
                yes, cond = (parts[1], parts[0]) if is_c else (parts[0], parts[1])
                return decided(self.text, cond, yes, parts[2], first, last)

            inner = Frame(closing_word, make, first, word.first)
            inner.operands.append(part)
            builder.frames.append(inner)
        builder.after_operand = False

    def decide(self, last: int) -> None:
        """End the remainders and decisions that end with what is open around them."""
        builder = self.builder
        self.end_remainders(last)
        while builder.frames[-1].closing in (_ELSE, _COLON, _REST):
            frame = builder.frames[-1]
            if frame.closing != _REST or not builder.after_operand:
                missing = "else" if frame.closing == _ELSE else "a value"
                raise builder.error(f"{missing} is expected here", frame.start, last)
            builder.end_operand(frame, last)
            builder.frames.pop()
            assert frame.make is not None
            builder.operand(frame.make(frame.operands, {}, frame.first, last))
            self.end_remainders(last)


def _is_operator(item: Item) -> bool:
    return isinstance(item, Token) and item.lastindex == OPERATOR


_DIVISOR = "%"
_POWERS = frozenset(("**", "^"))
_ELSE, _COLON, _REST = "else", ":", "rest"
_BEFORE = frozenset(("+", "-"))
_BETWEEN = COMPARISONS | {"+", "-", "*", "/", "**", "^"}
_ITSELF = frozenset(("data", "value", "val", "item"))
_PROPERTIES = frozenset(("exp", "tanh", "relu", "sigmoid", "log", "sqrt", "abs", "sin", "cos"))
"""Methods that Ruby and Scala call without parentheses."""
_LABELLED = frozenset(
    ("with_label", "label", "astype", "type", "to", "requires_grad_", "set_label", "evalf", "squeeze")
)
_METHODS = {"times": "mul", "plus": "add", "minus": "sub", "over": "div"}
_HINTS = {
    "@": "give arrays their values: w=[1, 2]; of numbers it is a1*b1 + a2*b2",
    "%": "mod(x, y) has the sign of y, fmod(x, y) that of x",
    "//": "floor(a/b) is the quotient rounded down",
    "{": "only round parentheses group",
    "}": "only round parentheses group",
}  # fmt: skip
