"""What indexes, methods and keywords say: their tokens as steps of code."""

from __future__ import annotations

import re
from typing import Any

from backprop_cli.language.arrays.ops import ARRAY_FUNCTIONS, ARRAY_OPS, KEYWORDS, ArrayCall

_METHOD = re.compile(r"\.\s*(\w+)\s*\((.*)\)", re.DOTALL)
_INTEGER = re.compile(r"[-+]?[0-9]+")


def postfix_call(word: str) -> ArrayCall:
    """Return the step of ``[1, :]``, ``.T`` or ``.sum(axis=0)``. Raises ValueError with what is wrong."""
    if word.startswith("["):
        return ArrayCall(ARRAY_OPS["index"], {}, read_index(word[1:-1]))
    method = _METHOD.fullmatch(word)
    if method is None or method[1] == "t":
        return ArrayCall(ARRAY_OPS["T"], {})
    op = ARRAY_FUNCTIONS[method[1]]
    keywords: dict[str, Any] = {}
    for place, part in enumerate(re.split(r",(?![^()]*\))", method[2])):
        if not part.strip():
            continue
        name, value = read_keyword(part if "=" in part else f"axis={part}")
        if op.name in ("max", "min") and ("=" not in part or is_of_pytorch(part)):
            raise ValueError(f".{op.name}({part.strip()}) has an index beside it in PyTorch; write axis=")
        if ("=" not in part and place) or name not in op.keywords or name in keywords:
            raise ValueError(f"{part.strip()} has no place in {op.name}")
        keywords[name] = value
    if op.name in ("var", "std") and "ddof" not in keywords:
        raise ValueError(
            f".{op.name}() divides by n in NumPy and by n - 1 in PyTorch; write ddof=0 or ddof=1 into it"
        )
    return ArrayCall(op, keywords)


def is_of_pytorch(keyword: str) -> bool:
    """Tell whether a keyword is PyTorch's name of the axis, whose maximum has an index beside it."""
    return keyword.partition("=")[0].strip() == "dim"


def read_keyword(word: str) -> tuple[str, Any]:
    """Return the name and the value of ``axis=0``: a number, a tuple of them, a truth, or None."""
    name, _, text = word.partition("=")
    text = text.strip()
    value: Any = {"None": None, "True": True, "False": False}.get(text, text)
    if isinstance(value, str):
        numbers = tuple(map(int, _INTEGER.findall(value)))
        value = numbers if value.startswith("(") else numbers[0]
    return KEYWORDS[name.strip()], value


def read_index(text: str) -> tuple[Any, ...]:
    """Return the parts of an index: whole numbers, slices, None and Ellipsis. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    return tuple(map(_part, parts))


def _part(text: str) -> Any:
    if text in ("None", "..."):
        return None if text == "None" else Ellipsis
    bounds = [bound.strip() for bound in text.split(":")]
    if len(bounds) > 3 or not all(_INTEGER.fullmatch(bound) or not bound for bound in bounds):
        raise ValueError(f"[{text}] is no index")
    if len(bounds) > 1:
        found = [int(bound) if bound else None for bound in bounds]
        if found[2:] == [0]:
            raise ValueError("the step of a slice is not 0")
        return slice(*found)
    if not bounds[0]:
        raise ValueError("an index is a whole number, or a slice such as 1:3")
    return int(bounds[0])
