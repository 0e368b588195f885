"""An expression of Python: names with dots, calls and methods, indexes, conditions behind their value."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import ParseError
from backprop_cli.language.foreign import functions
from backprop_cli.language.foreign.builder import (
    Builder,
    Frame,
    Item,
    Piece,
    called,
    filled,
    flat,
    group,
    grouped,
)
from backprop_cli.language.tokens import NAME, NUMBER, OPERATOR, Token

if TYPE_CHECKING:
    from collections.abc import Collection

_MODULES = frozenset((
    "np", "numpy", "jnp", "jax", "torch", "tf", "math", "Math", "F", "nn", "npx", "scipy", "special",
    "functional", "lax", "cmath", "cp", "onp", "anp", "mx", "nd", "keras", "activations", "tensorflow",
    "std", "autograd", "Value", "K", "sp", "mnp", "paddle", "tg", "mpmath", "mp",
))  # fmt: skip
"""Names before a dot that say where a function comes from."""
_HOLDERS = frozenset(("self", "this", "cls", "model", "params", "args", "cfg", "config", "hparams"))
"""Names before a dot that say whose a number is."""

_CONSTRUCTORS = frozenset((
    "Value", "tensor", "Tensor", "constant", "Variable", "array", "float64", "float32", "Parameter",
    "as_tensor", "Scalar", "Var", "Node", "FloatTensor", "DoubleTensor", "Double", "scalar",
))  # fmt: skip
_OPTIONS = frozenset(
    ("label", "requires_grad", "dtype", "name", "device", "_op", "_children", "shape", "trainable")
)
_INFINITE = "inf"
_CONSTANTS = {
    "pi": "pi",
    "PI": "pi",
    "tau": "2*pi",
    "e": "exp(1)",
    "E": "exp(1)",
    "inf": _INFINITE,
    "infty": _INFINITE,
}


class Word(NamedTuple):
    """A word of the text, its kind and its span."""

    kind: str
    word: str
    first: int
    last: int


def closing(words: list[Word], place: int) -> int | None:
    """Return the place of what closes the parenthesis at a place."""
    depth = 0
    for i in range(place, len(words)):
        if words[i].kind == "sign":
            depth += (words[i].word in "([{") - (words[i].word in ")]}")
            if depth == 0:
                return i
    return None


def split(words: list[Word], sign: str) -> list[list[Word]]:
    """Return the parts between signs that stand in no parenthesis. An empty last one is left out."""
    parts: list[list[Word]] = [[]]
    depth = 0
    for word in words:
        if word.kind == "sign":
            depth += (word.word in "([{") - (word.word in ")]}")
        if word.word == sign and word.kind == "sign" and not depth:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts if parts[-1] or len(parts) == 1 else parts[:-1]


class Expression:
    """The words of one expression, read from left to right. place: of the word that comes next."""

    def __init__(self, text: str, given: Collection[str], words: list[Word]) -> None:
        self.text = text
        self.given = given
        self.words = words
        self.place = 0
        self.builder = Builder(text)

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
        self.decide(self.words[-1].last)
        if builder.depth:
            frame = builder.frames[-1]
            raise builder.error(
                f"this {self.text[frame.start]} is never closed", frame.start, frame.start + 1
            )
        if not builder.after_operand:
            last = self.words[-1]
            raise builder.error("the expression ends where a value is expected", last.last, last.last)
        return builder.items

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
        """Read a text, which only labels have."""
        raise self.error("there is no text in the language", word)

    # ---- names ----

    def name(self, word: Word) -> None:
        """Read a name with what stands behind its dots up to a call."""
        if self.builder.after_operand:
            if word.word in ("if", "else", "and", "or", "for"):
                self.word_between(word)
                return
        elif word.word == "not":
            self.builder.sign("not", word.first, word.last)
            return
        self.before_operand(word)
        parts = [word]
        module = ""
        while self.peek() in (".", "::") and self.place + 1 < len(self.words):
            if parts[-1].word in _MODULES and not (len(parts) == 1 and word.word in self.given):
                module = parts[-1].word
            elif parts[-1].word not in _HOLDERS or parts[-1].word in self.given:
                break
            parts.append(self.words[self.place + 1])
            self.place += 2
        self.named(parts[-1], parts[0].first, module)

    def named(self, word: Word, first: int, module: str) -> None:
        """Read a name, or the call of a function by this name. module: which it is said to come from."""
        name = word.word.lstrip("$")
        if self.peek() == "(":
            start = self.words[self.place].first
            self.place += 1
            if name in _CONSTRUCTORS:
                self.construct(first, start)
            else:
                self.call(name, [], first, start, module)
        elif name == "Value" and self.peek() == "[":
            self.place += 3 if self.peek(2) == ":" else 1
            self.builder.open("]", group, first, first)
        elif module and name in _CONSTANTS:
            self.constant(name, first, word.last)
        elif name in ("True", "False", "None"):
            raise self.error(f"{name} is no number", word)
        else:
            self.builder.name(name, first, word.last)

    def constant(self, name: str, first: int, last: int) -> None:
        """Read a constant of a module."""
        template = _CONSTANTS[name]
        if template == _INFINITE:
            self.builder.name(template, first, last)  # which only the limits of clip may be
        else:
            self.builder.operand(filled(template, [], first, last))

    # ---- calls ----

    def call(self, name: str, before: list[Item], first: int, start: int, module: str = "") -> None:
        """Open the call of a function. before: the operand that a method is called on."""

        def make(operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Item:
            return self.made(name, [*before, *operands], keywords, first, last, module)

        self.builder.open(")", make, first, start)

    def construct(self, first: int, start: int) -> None:
        """Open ``Value(2.0, label='a')`` or ``tensor([2.0])``, which are their number."""

        def make(operands: list[Piece], _: dict[str, Piece], first: int, last: int) -> Item:
            if len(operands) != 1:
                raise ParseError("one number is expected here", self.text, first, last)
            return grouped(operands[0])

        self.builder.open(")", make, first, start)

    def made(
        self, name: str, operands: list[Item], keywords: dict[str, Piece], first: int, last: int, module: str
    ) -> Item:
        """Return what a call comes to. Raises ParseError."""
        if name in ("clip", "clamp", "clamp_", "clip_", "clip_by_value"):
            return limited(self.text, operands, keywords, first, last)
        if name == "where" and len(operands) == 3:
            return decided(self.text, operands[0], operands[1], operands[2], first, last)
        if name == "leaky_relu" and len(operands) == 1 and not keywords:
            return leaky(self.text, operands, module, first, last)
        if name == "gelu":
            return gelu(self.text, operands, keywords, module, first, last)
        operands = functions.with_keywords(self.text, name, operands, keywords)
        return functions.call(self.text, name, operands, first, last)

    # ---- signs ----

    def sign(self, word: Word) -> None:
        """Read an operator, a parenthesis, or what follows a dot."""
        builder, sign = self.builder, word.word
        if sign == "(" and not builder.after_operand:
            builder.open(")", group, word.first, word.first)
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
        elif sign == ".":
            self.member(word)
        elif sign == "=" and builder.frames[-1].closing == ")" and len(builder.items) == 1:
            self.keyword(word)
        elif sign in ("&", "|", "&&", "||", "~", "!"):
            self.word_between(word)
        elif sign in (_BETWEEN if builder.after_operand else _BEFORE):
            builder.sign(sign, word.first, word.last)
        elif sign == "?" and builder.after_operand:
            self.question(word)
        elif sign == ":" and builder.frames[-1].closing == _COLON:
            self.turn(word, _REST)
        else:
            hint = _HINTS.get(sign, "")
            if builder.after_operand or sign in _HINTS:
                raise self.error(f"{sign!r} is not read here", word, hint)
            raise self.error(f"a value is expected before {sign!r}", word)

    def bracket(self, word: Word) -> None:
        """Read an index, which becomes part of the name before it, or a list of one number."""
        builder = self.builder
        if not builder.after_operand:
            builder.open("]", only, word.first, word.first)
            return
        target = builder.items[-1]
        index: list[Word] = []
        closing_place = self.place
        while self.peek() not in ("]", "") or not index:
            if not self.peek():
                break
            index.append(self.words[self.place])
            self.place += 1
        if not isinstance(target, Token) or target.lastindex != NAME or self.peek() != "]":
            raise self.error("an index stands behind a name", word)
        parts = [part for part in index if part.word != ","]
        if not parts or any(
            part.kind not in ("name", "number") or (not part.word.isidentifier() and not part.word.isdigit())
            for part in parts
        ):
            place = self.words[closing_place]
            raise self.error(
                "an index is a whole number or a name", place, "write the element as a name of its own: x_0"
            )
        end = self.words[self.place]
        self.place += 1
        name = "_".join([target.word, *(part.word for part in parts)])
        builder.items[-1] = Token(NAME, name, target.first, end.last)

    def member(self, word: Word) -> None:
        """Read what stands behind a dot: a method, or a number that a thing has."""
        builder = self.builder
        if not builder.after_operand or self.place >= len(self.words):
            raise self.error("a name or a number is expected before '.'", word)
        member = self.words[self.place]
        self.place += 1
        name, target = member.word, builder.items[-1]
        if self.peek() == "(" and name not in self.given:
            start = self.words[self.place].first
            self.place += 1
            self.method(name, start, member)
        elif name in _ITSELF and name not in self.given:
            pass
        elif (
            name in ("exp", "tanh", "relu", "sigmoid", "log", "sqrt", "abs", "sin", "cos")
            and name not in self.given
        ):
            builder.items[-1] = called(name, [target], target.first, member.last)
        elif name in ("T", "shape", "grad") or not isinstance(target, Token) or target.lastindex != NAME:
            hint = "gradients are what this computes" if name == "grad" else "there are only numbers here"
            raise self.error(f".{name} is not read", member, hint)
        elif target.word in self.given:
            raise self.error(f"{target.word} is given a number, so it has no .{name}", member)
        else:
            builder.items[-1] = Token(NAME, name, target.first, member.last)

    def method(self, name: str, start: int, member: Word) -> None:
        """Open the call of a method on the operand that is complete."""
        builder = self.builder
        target = builder.items.pop()
        builder.after_operand = False
        if name in functions.IDENTITIES or name in _LABELLED:
            place = closing(self.words, self.place - 1)
            if place is None:
                raise self.error("this ( is never closed", member)
            self.place = place + 1
            builder.operand(target if isinstance(target, Token) else grouped(target))
        elif functions.is_known(name) or name in _METHODS:
            self.call(_METHODS.get(name, name), [target], target.first, start)
        else:
            functions.call(self.text, name, [target], member.first, member.last)  # says what is wrong
            raise self.error(f".{name}( is not read", member)

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
            elif self.words[here].word in _OPTIONS and self.peek(1) == "=":
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
        name = {"&": "and", "&&": "and", "|": "or", "||": "or", "~": "not", "!": "not"}.get(
            word.word, word.word
        )
        if name == "not" and not builder.after_operand:
            builder.sign("not", word.first, word.last)
        elif name in ("and", "or") and builder.after_operand:
            builder.sign(name, word.first, word.last)
        elif name == "if" and builder.after_operand:
            self.turn(word, _ELSE)
        elif name == "else" and builder.after_operand and builder.frames[-1].closing == _ELSE:
            self.turn(word, _REST)
        else:
            raise self.error(f"{word.word!r} is not read here", word, "where(cond, a, b) decides")

    def question(self, word: Word) -> None:
        """Read the ? of ``cond ? a : b``."""
        self.turn(word, _COLON)

    def turn(self, word: Word, closing_word: str) -> None:
        """End one part of a decision, and wait for the word that ends the next one."""
        builder = self.builder
        frame = builder.frames[-1]
        first = frame.items[0].first if frame.items else word.first
        if closing_word == _REST:
            builder._end_operand(frame, word.first)
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
        """End the decisions that end with what is open around them."""
        builder = self.builder
        while builder.frames[-1].closing in (_ELSE, _COLON, _REST):
            frame = builder.frames[-1]
            if frame.closing != _REST or not builder.after_operand:
                missing = "else" if frame.closing == _ELSE else "a value"
                raise builder.error(f"{missing} is expected here", frame.start, last)
            builder._end_operand(frame, last)
            builder.frames.pop()
            assert frame.make is not None
            builder.operand(frame.make(frame.operands, {}, frame.first, last))


_ELSE, _COLON, _REST = "else", ":", "rest"
_BEFORE = frozenset(("+", "-"))
_BETWEEN = frozenset(("+", "-", "*", "/", "**", "^", "<", "<=", ">", ">="))
_ITSELF = frozenset(("data", "value", "val", "item"))
_LABELLED = frozenset(
    ("with_label", "label", "astype", "type", "to", "requires_grad_", "set_label", "evalf", "squeeze")
)
_METHODS = {"pow_": "pow", "times": "mul", "plus": "add", "minus": "sub", "over": "div"}
_HINTS = {
    "@": "a product of vectors is written out: a1*b1 + a2*b2",
    "%": "there is no remainder; a - b*floor(a/b) is one", "//": "floor(a/b) is the quotient rounded down",
    "==": "conditions are < <= > >=", "!=": "conditions are < <= > >=", "{": "only round parentheses group",
    "}": "only round parentheses group",
}  # fmt: skip


def only(operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Item:
    """Return the number that is alone in a list."""
    if len(operands) != 1:
        return Piece([Token(OPERATOR, "[", first, first + 1)], first, last)  # which the grammar refuses
    return group(operands, keywords, first, last)


def decided(text: str, condition: Item, yes: Item, no: Item, first: int, last: int) -> Piece:
    """Return the choice that a condition makes, of which ``and``, ``or`` and ``not`` are taken apart."""
    items = bare(condition)
    words = [item.word if isinstance(item, Token) else "" for item in items]
    if "and" in words and "or" in words:
        raise ParseError(
            "'and' and 'or' stand beside each other", text, first, last, "nest where(cond, a, b)"
        )
    for joint in ("and", "or"):
        if joint in words:
            place = words.index(joint)
            left = Piece(items[:place], condition.first, items[place].first)
            right = Piece(items[place + 1 :], items[place].last, condition.last)
            if joint == "and":
                return decided(text, left, decided(text, right, yes, no, first, last), no, first, last)
            return decided(text, left, yes, decided(text, right, yes, no, first, last), first, last)
    if words[0] == "not":
        return decided(text, Piece(items[1:], items[0].last, condition.last), no, yes, first, last)
    return called("where", [Piece(items, condition.first, condition.last), yes, no], first, last)


def bare(item: Item) -> list[Item]:
    """Return the items within the parentheses that hold all of one."""
    items = [item]
    while len(items) == 1 and isinstance(items[0], Piece):
        items = list(items[0].items)
        ends = [one.word if isinstance(one, Token) else "" for one in (items[0], items[-1])]
        if len(items) == 3 and ends == ["(", ")"]:
            items = items[1:-1]
    return items


def limited(text: str, operands: list[Item], keywords: dict[str, Piece], first: int, last: int) -> Item:
    """Return what ``clip`` and ``clamp`` come to, whose limits may be missing or infinite."""
    low = keywords.get("min", keywords.get("a_min", keywords.get("min_value")))
    high = keywords.get("max", keywords.get("a_max", keywords.get("max_value")))
    rest = list(operands[1:])
    if rest and low is None:
        low = rest.pop(0)  # type: ignore[assignment]
    if rest and high is None:
        high = rest.pop(0)  # type: ignore[assignment]
    if rest or not operands:
        raise ParseError("clip takes a value and two limits", text, first, last, "write clip(x, lo, hi)")
    low, high = (None if limit is None or _is_no_limit(limit) else limit for limit in (low, high))
    if low is None and high is None:
        raise ParseError("clip has no limit here", text, first, last, "write clip(x, lo, hi)")
    if high is None or low is None:
        limit = high if low is None else low
        assert limit is not None
        return called("max" if high is None else "min", [operands[0], limit], first, last)
    return called("clip", [operands[0], low, high], first, last)


def _is_no_limit(limit: Item) -> bool:
    return "".join(token.word for token in flat([limit])).strip("-()") in (_INFINITE, "None")


def leaky(text: str, operands: list[Item], module: str, first: int, last: int) -> Item:
    """Return leaky_relu with the slope that its module has where none is written."""
    slope = {"F": "0.01", "nn": "0.01", "functional": "0.01", "jax": "0.01"}.get(module)
    if slope is None:
        hint = "write leaky_relu(x, 0.01) as PyTorch and JAX have it, leaky_relu(x, 0.2) as TensorFlow has it"
        raise ParseError("leaky_relu has no slope, and libraries differ", text, first, last, hint)
    return called("leaky_relu", [operands[0], Token(NUMBER, slope, last, last)], first, last)


_TANH_GELU = "0.5*_1*(1 + tanh(sqrt(2/pi)*(_1 + 0.044715*_1^3)))"


def gelu(
    text: str, operands: list[Item], keywords: dict[str, Piece], module: str, first: int, last: int
) -> Item:
    """Return gelu, which is exact in PyTorch and approximated in JAX unless they are told otherwise."""
    choice = keywords.get("approximate")
    word = "".join(token.word for token in flat([choice])) if choice is not None else ""
    if word in ("tanh", "True") or (not word and module in ("jax", "jnp")):
        return filled(_TANH_GELU, operands, first, last)
    if word in ("none", "False") or (not word and module in ("F", "functional", "torch", "")):
        return called("gelu", operands, first, last)
    hint = "write gelu(x), which is exact, or its approximation by tanh"
    raise ParseError("gelu is exact in some libraries and approximated in others", text, first, last, hint)
