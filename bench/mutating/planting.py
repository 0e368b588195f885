"""A mutant takes the place of a module that is loaded, for all who hold its functions."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from enum import EnumType
from pathlib import Path
from types import CodeType, FunctionType, ModuleType


def functions_of(module: ModuleType) -> list[FunctionType]:
    """Return all functions that the file of a module has made so far, those inside others too."""
    return [
        x
        for x in gc.get_objects()
        if isinstance(x, FunctionType) and x.__code__.co_filename == module.__file__
    ]


def plant(module: ModuleType, source: str, functions: Sequence[FunctionType]) -> None:
    """Make a module what another source makes of it. functions: as ``functions_of`` returns them.

    Its functions and classes stay the same objects, since others have imported them by name: their code is
    replaced. So is every constant, wherever it was imported.
    """
    file = module.__file__ or ""
    before, after = (compile(text, file, "exec") for text in (Path(file).read_text(encoding="utf-8"), source))
    codes = dict(_pairs(before, after))
    for function in functions:
        code = codes.get(function.__code__)
        if code is not None and code.co_freevars == function.__code__.co_freevars:
            function.__code__ = code
    fresh = ModuleType(module.__name__)
    fresh.__dict__.update(__file__=module.__file__, __package__=module.__package__, __spec__=module.__spec__)
    exec(compile(source, module.__file__ or "", "exec"), fresh.__dict__)
    for name, new in list(vars(fresh).items()):
        old = vars(module).get(name)
        if name.startswith("__") or _belongs_elsewhere(new, module):
            continue
        if isinstance(old, EnumType):
            continue
        if isinstance(old, type) and isinstance(new, type):
            _plant_class(old, new)
        elif not _take_code(old, new) and _differ(old, new):
            _replace(module, name, old, new)


def _pairs(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the code of functions inside others, as it was and as it is."""
    inside = [[x for x in code.co_consts if isinstance(x, CodeType)] for code in (before, after)]
    for old, new in zip(*inside, strict=False):
        yield old, new
        yield from _pairs(old, new)


def _belongs_elsewhere(x: object, module: ModuleType) -> bool:
    return isinstance(x, ModuleType) or getattr(x, "__module__", module.__name__) != module.__name__


def _plant_class(old: type, new: type) -> None:
    for name, attribute in list(vars(new).items()):
        before = vars(old).get(name)
        if name in ("__dict__", "__weakref__", "__slots__") or type(before).__name__ == "member_descriptor":
            continue
        if not _take_code(before, attribute) and _differ(before, attribute):
            setattr(old, name, attribute)


def _take_code(old: object, new: object) -> bool:
    """Give a function, or what is wrapped around one, the code of another; tell whether both are such."""
    if type(old) is not type(new):
        return False
    if isinstance(old, FunctionType) and isinstance(new, FunctionType):
        if len(old.__code__.co_freevars) != len(new.__code__.co_freevars):
            return False
        for part in ("__code__", "__defaults__", "__kwdefaults__"):
            setattr(old, part, getattr(new, part))
        return True
    inner = next((x for x in ("__wrapped__", "__func__", "fget", "func") if hasattr(old, x)), None)
    return inner is not None and _take_code(getattr(old, inner), getattr(new, inner))


def _differ(old: object, new: object) -> bool:
    """Tell whether two values differ in what is seen of them: classes that were made twice are the same."""
    return type(old).__name__ != type(new).__name__ or (" at 0x" not in repr(new) and repr(old) != repr(new))


def _replace(module: ModuleType, name: str, old: object, new: object) -> None:
    for other in list(sys.modules.values()):
        held = getattr(other, "__dict__", {}).get(name)
        if other is module or (old is not None and held is old):
            setattr(other, name, new)
