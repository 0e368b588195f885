"""Python of vectors and matrices: functions with an axis, indexes, lists, products of matrices, transposes.

What works on each element is read as that of numbers is: ``x.sigmoid()``, ``np.clip(x, 0, 1)``.
Sources: the documentation of numpy, torch, torch.nn.functional, jax.numpy and tensorflow.math.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from backprop_cli.errors import ParseError
from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS, KEYWORDS
from backprop_cli.language.arrays.tokens import INDEX, KEYWORD_TEXT
from backprop_cli.language.foreign.builder import Piece, called, filled, grouped
from backprop_cli.language.foreign.functions import word_of
from backprop_cli.language.foreign.python_calls import INFINITE, take
from backprop_cli.language.foreign.python_expression import Expression
from backprop_cli.language.foreign.words import matching
from backprop_cli.language.tokens import KEYWORD, NUMBER, OTHER, POSTFIX, Token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.language.foreign.builder import Item
    from backprop_cli.language.foreign.python_calls import Call
    from backprop_cli.language.foreign.words import Word

_NAMES = {
    "reduce_sum": "sum", "reduce_mean": "mean", "reduce_prod": "prod", "reduce_max": "max",
    "reduce_min": "min", "reduce_logsumexp": "logsumexp", "reduce_std": "std", "reduce_variance": "var",
    "vector_norm": "norm",
}  # fmt: skip
"""Functions of arrays by names that TensorFlow and PyTorch have besides NumPy's."""
_OPERATORS = {
    "multiply": "_1*_2", "mul": "_1*_2", "add": "_1 + _2", "subtract": "_1 - _2", "sub": "_1 - _2",
    "divide": "_1/_2", "true_divide": "_1/_2", "div": "_1/_2", "power": "_1^_2", "float_power": "_1^_2",
    "negative": "-_1", "neg": "-_1", "square": "_1^2", "reciprocal": "1/_1",
    "l1_loss": "mean(abs(_1 - _2))", "binary_cross_entropy": "-mean(_2*log(_1) + (1 - _2)*log(1 - _1))",
    "binary_cross_entropy_with_logits": "mean(softplus(_1) - _2*_1)",
}  # fmt: skip
_JOINED = frozenset(("concatenate", "concat", "cat"))
_MOST_FILLED = 10_000
_TRANSPOSED = frozenset(("t", "transpose", "T", "mT"))
_TEXTS = frozenset(("approximate", "reduction"))


class Elements(Piece):
    """A list, with its elements."""

    __slots__ = ("operands",)

    def __init__(self, items: Sequence[Item], operands: Sequence[Item], first: int, last: int) -> None:
        super().__init__(items, first, last)
        self.operands = list(operands)


def _texts(call: Call) -> dict[str, str]:
    """Return the keywords of a call as texts; a list of axes is a tuple."""
    brackets = str.maketrans("[]", "()")
    return {name: word_of(piece, 12).translate(brackets) for name, piece in call.keywords.items()}


def elements_of(item: Item) -> list[Item]:
    """Return what a list, or a tuple in parentheses, has; nothing if an operand is none."""
    while isinstance(item, Piece) and not isinstance(item, Elements) and len(item.items) == 1:
        item = item.items[0]
    if isinstance(item, Elements):
        return item.operands
    inner = [*item.items[1:-1]] if isinstance(item, Piece) else []
    is_tuple = len(inner) > 1 and all(isinstance(sign, Token) and sign.word == "," for sign in inner[1::2])
    return inner[::2] if is_tuple else []


class PythonArrays(Expression):
    """An expression some of whose names are arrays."""

    tight = Expression.tight | {"@"}
    options = Expression.options - {"shape"}
    layers = Expression.layers | {"MSELoss": "mse", "L1Loss": "l1_loss", "CrossEntropyLoss": "cross_entropy",
                                  "BCELoss": "binary_cross_entropy", "Softmax": "softmax",
                                  "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
                                  "LogSoftmax": "log_softmax", "Flatten": "flatten"}  # fmt: skip

    # ---- names and signs ----

    def is_word_of_keyword(self, name: str) -> bool:
        """Tell whether a word such as None stands behind ``axis=``."""
        keyword = self.builder.frames[-1].keyword
        return (keyword in KEYWORDS or keyword == "unbiased") and name in ("None", "True", "False")

    def literal(self, word: Word) -> None:
        """Read a text, which a few keywords have."""
        if self.builder.frames[-1].keyword in _TEXTS:
            self.builder.name(word.word.strip("'\""), word.first, word.last)
        else:
            super().literal(word)

    def sign(self, word: Word) -> None:
        """Read a sign."""
        if word.word == "@" and self.builder.after_operand:
            self.end_remainders(word.first)
            self.builder.sign("@", word.first, word.last)
        else:
            super().sign(word)

    def bracket(self, word: Word) -> None:
        """Read an index, which takes elements of the operand before it, or a list."""
        builder = self.builder
        end = matching(self.words, self.place - 1)
        if not builder.after_operand or end is None:
            builder.open("]", self.only, word.first, word.first)
            return
        parts = self.words[self.place : end]
        text = "".join(part.word for part in parts).replace("np.newaxis", "None").replace("newaxis", "None")
        if any(part.kind == "text" for part in parts):
            super().bracket(word)
            return
        if not INDEX.fullmatch(f"[{text}]"):
            hint = "whole numbers and slices are: x[0], W[1, 0:3]"
            raise self.error("this is no index", parts[0] if parts else word, hint)
        self.place = end + 1
        self.behind(f"[{text}]", self.words[end].last)

    def behind(self, postfix: str, last: int) -> None:
        """Put an index or a transpose behind the operand that is complete."""
        target = self.builder.items[-1]
        token = Token(POSTFIX, postfix, target.last, last)
        self.builder.items[-1] = Piece((target, token), target.first, last)

    def only(self, operands: list[Piece], keywords: dict[str, Piece], first: int, last: int) -> Piece:
        """Return a list."""
        if keywords or not operands:
            raise ParseError("a list has elements", self.text, first, last, "such as [1, 2, 3]")
        items: list[Item] = [Token(OTHER, "[", first, first + 1)]
        for place, operand in enumerate(operands):
            items += [Token(OTHER, ",", operand.first, operand.first), operand] if place else [operand]
        return Elements([*items, Token(OTHER, "]", last - 1, last)], operands, first, last)

    def member(self, word: Word) -> None:
        """Read what stands behind a dot."""
        name = self.peek()
        if name in _TRANSPOSED and (self.peek(1) != "(" or self.peek(2) == ")") and name not in self.given:
            self.place += 1 if self.peek(1) != "(" else 3
            self.behind(".T", self.words[self.place - 1].last)
        elif name == "shape":
            is_axis = self.peek(1) == "[" and self.peek(2).isdigit() and self.peek(3) == "]"
            if not is_axis:
                hint = "x.shape[0] is, the size of an axis"
                raise self.error(".shape is no number", self.words[self.place], hint)
            axis = self.words[self.place + 2]
            self.place += 4
            self.sized((Token(KEYWORD, f"axis={axis.word}", axis.first, axis.last),))
        elif name == "size" and self.peek(1) != "(":
            self.place += 1
            self.sized()
        elif self.peek(1) == "(" and name == "contiguous" and self.peek(2) == ")":
            self.place += 3
        else:
            super().member(word)

    def sized(self, keywords: tuple[Token, ...] = ()) -> None:
        """Put the size of the operand that is complete in its place; the words up to here say so."""
        target = self.builder.items[-1]
        operand = Piece((target, *keywords), target.first, target.last)
        last = self.words[self.place - 1].last
        self.builder.items[-1] = called("size", [operand], target.first, last)

    # ---- calls ----

    def made(self, call: Call) -> Item:
        """Return what a call comes to: an operation on arrays, or one on each element."""
        name = _NAMES.get(call.name, call.name)
        call = call._replace(name=name)
        if name in _OPERATORS and not call.keywords:
            template = _OPERATORS[name]
            if len(call.operands) == (2 if "_2" in template else 1):
                return call.filled(template)
        if name in ("zeros", "ones", "eye", "identity") and call.is_plain(1):
            return self.filled_array(call)
        if name in _JOINED:
            return self.joined(call)
        if name == "stack" and call.is_plain(1) and (parts := elements_of(call.operands[0])):
            return self.only([grouped(part) for part in parts], {}, call.first, call.last)
        if name in ("reshape", "view") and call.operands and not call.keywords:
            return self.reshaped(call)
        is_extreme = name in ("max", "min", "amax", "amin") and (
            len(call.operands) == 1 or call.library in ("numpy", "jax", "torch") or call.is_method
        )
        if is_extreme or (name in ARRAY_FUNCTIONS and name not in ("max", "min")):
            return self.reduced(call)
        return super().made(call)

    def reduced(self, call: Call) -> Item:
        """Return the call of a function of arrays, with its axis as a keyword."""
        op = ARRAY_FUNCTIONS[call.name]
        keywords = _texts(call)
        keywords.pop("inplace", None)
        if len(call.operands) < op.arity:
            raise self.miscounted(call)
        behind = call.operands[op.arity :] if not op.variadic else []
        call = call._replace(operands=call.operands[: op.arity] if not op.variadic else call.operands)
        self.take_places(call, behind, keywords)
        is_torch = call.library == "torch" or "dim" in keywords or (call.is_method and bool(behind))
        if op.name in ("max", "min") and is_torch and {"dim", "axis"} & keywords.keys():
            message = f"{op.name} has an index beside it in PyTorch, along a dim"
            raise call.error(message, f"write {op.name}(x, axis=1)")
        if op.name in ("var", "std"):
            self.take_divisor(call, keywords)
        if "reduction" in keywords:
            return self.summed(call, keywords.pop("reduction"), keywords)
        return self.array_call(call, keywords)

    @staticmethod
    def miscounted(call: Call) -> ParseError:
        """Return the error of a call with too few or too many operands."""
        arity = ARRAY_FUNCTIONS[call.name].arity
        return call.error(f"{call.name} takes {arity} operand{'s' * (arity > 1)} here")

    def reshaped(self, call: Call) -> Item:
        """Return ``x.reshape(2, 3)`` with its sizes as a keyword."""
        array, *sizes = call.operands
        if len(sizes) == 1:
            sizes = elements_of(sizes[0]) or sizes
        if not sizes:
            raise call.error(f"{call.name} needs sizes", f"such as x.{call.name}(2, 3)")
        text = ", ".join(word_of(size, 40).strip("()") for size in sizes)
        call = call._replace(name="reshape", operands=[array])
        return self.array_call(call, {"shape": f"({text})"})

    def joined(self, call: Call) -> Item:
        """Return ``np.concatenate([x, y], axis=0)``, whose list may be of several shapes."""
        (axis,) = take(call, "axis|dim")
        operands = elements_of(call.operands[0])
        if not operands:
            raise call.error(f"{call.name} joins what is listed", f"such as {call.name}([x, y])")
        keywords = {} if axis is None else {"axis": word_of(axis, 12)}
        return self.array_call(call._replace(name="concatenate", operands=operands), keywords)

    def filled_array(self, call: Call) -> Item:
        """Return ``np.zeros((2, 3))``, ``np.ones(3)`` and ``np.eye(2)`` as lists."""
        text = word_of(call.operands[0], 40)
        sizes = [int(size) for size in text.strip("()").split(",") if size.strip().isdigit()]
        is_square = call.name in ("eye", "identity")
        shape = sizes * 2 if is_square else sizes
        if not sizes or text.strip("()") != ",".join(map(str, sizes)) or (is_square and len(sizes) > 1):
            raise call.error(f"{call.name} is read with whole numbers alone", "such as np.zeros(3)")
        if not 0 < prod(shape) <= _MOST_FILLED:
            raise call.error(f"{call.name} is read with 1 to {_MOST_FILLED:,} elements")

        def part(places: tuple[int, ...]) -> Piece:
            if len(places) < len(shape):
                return self.only(
                    [part((*places, i)) for i in range(shape[len(places)])], {}, call.first, call.last
                )
            is_one = call.name == "ones" or (is_square and places[0] == places[1])
            return Piece(
                [Token(NUMBER, "1" if is_one else "0", call.first, call.last)], call.first, call.last
            )

        return part(())

    def take_places(self, call: Call, behind: list[Item], keywords: dict[str, str]) -> None:
        """Take what is written behind the operands as the axis, and the order of a norm."""
        op = ARRAY_FUNCTIONS[call.name]
        if op.name == "norm":
            orders = [keywords.pop(name) for name in ("ord", "p") if name in keywords]
            orders += [word_of(order, 5).strip("()") for order in behind[: not orders]]
            behind = behind[len(orders) :]
            if orders and orders[0] not in ("2", "2.0", "fro", "None", INFINITE):
                hint = "sum(abs(x)) is the norm of order 1, max(abs(x)) that of infinity"
                raise call.error("a norm here is that of order 2", hint)
        if len(behind) > 1 or (behind and "axis" not in op.keywords):
            raise self.miscounted(call)
        if behind:
            if "axis" in keywords or "dim" in keywords:
                raise call.error(f"{call.name} has two axes here")
            keywords["axis"] = word_of(behind[0], 12)

    def take_divisor(self, call: Call, keywords: dict[str, str]) -> None:
        """Let a variance divide as its library has it: by n in NumPy, by n - 1 in PyTorch."""
        unbiased = keywords.pop("unbiased", None)
        if unbiased is not None:
            if unbiased not in ("True", "False"):
                raise call.error("unbiased= is True or False here")
            keywords["ddof"] = "1" if unbiased == "True" else "0"
        elif not {"ddof", "correction"} & keywords.keys():
            if call.library == "torch":
                keywords["ddof"] = "1"
            elif call.is_method:
                message = f".{call.name}() divides by n in NumPy and by n - 1 in PyTorch"
                raise call.error(message, "write ddof=0 or ddof=1 into it")

    def summed(self, call: Call, reduction: str, keywords: dict[str, str]) -> Item:
        """Return a loss with its reduction."""
        if reduction == "mean":
            return self.array_call(call, keywords)
        if reduction == "sum" and call.name.startswith("mse") and not keywords:
            squares = filled("(_1 - _2)^2", call.operands, call.first, call.last)
            return called("sum", [squares], call.first, call.last)
        raise call.error(f"{call.name} is read with reduction='mean' alone", "it is the mean over the rows")

    def array_call(self, call: Call, keywords: dict[str, str]) -> Item:
        """Return the tokens of a function of arrays with keywords."""
        written = [f"{name}={text}" for name, text in keywords.items()]
        op = ARRAY_FUNCTIONS[call.name]
        for word in written:
            name = word.partition("=")[0]
            if KEYWORDS.get(name) not in op.keywords:
                known = ", ".join(f"{keyword}=" for keyword in op.keywords) or "nothing"
                raise call.error(f"{call.name} takes no {name}= here", f"besides arrays it takes {known}")
            if not KEYWORD_TEXT.fullmatch(word):
                raise call.error(f"{name}= is a whole number here", f"such as {call.name}(x, axis=0)")
        operands: list[Item] = [*call.operands]
        if operands and written:
            tokens = [Token(KEYWORD, word, operands[-1].last, operands[-1].last) for word in written]
            operands[-1] = Piece([operands[-1], *tokens], operands[-1].first, operands[-1].last)
        return called(call.name, operands, call.first, call.last)
