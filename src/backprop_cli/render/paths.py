"""The paths from a node to the output, as lines and as JSON."""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import number
from backprop_cli.render.pens import Line, grouped
from backprop_cli.text import held_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.paths import Path, Paths

_MOST_FACTORS = 12


def path_lines(found: Paths, pen: TextPen) -> Iterator[Line]:
    """Yield the paths from a node to the output, and their sum."""
    shown = len(found.paths)
    yield Line("heading", f"Paths from {found.node}")
    is_whole = (
        found.number == shown == 1
        and not found.found
        and math.isclose(found.paths[0].product, found.total, rel_tol=1e-12)
    )
    for path in found.paths:
        yield Line("words", (" → " if pen.unicode else " -> ").join(path.nodes))
        sides = [pen.gradient(found.node)] if is_whole else []
        sides += filter(None, _path_sides(path, found, pen))
        yield Line("equation", " = ".join(dict.fromkeys(sides)))
        if _is_closed(path):
            yield Line("words", f"{_closed_at(path, pen)} is 0: nothing comes back on this path")
    if shown < found.number:
        yield Line("words", f"{found.number - shown:,} more paths are not shown")
    marks = {mark: name for path in found.paths for name, mark in zip(path.nodes, path.held, strict=False)}
    for mark, name in islice(((mark, name) for mark, name in marks.items() if mark), 2):
        yield Line("words", f"{mark}: {held_words(mark, name)}")
    if is_whole:
        return
    products = [grouped(pen.number(path.product), pen) for path in found.paths[:12]]
    sums = [" + ".join(products)] if 1 < found.number == len(products) else []
    yield Line("gap", "")
    if found.found:
        yield Line("words", found.found)
    if found.found or not all(math.isfinite(path.product) for path in found.paths):
        sums = []
    yield Line("equation", " = ".join([pen.gradient(found.node), *sums, pen.number(found.total)]))


def _is_closed(path: Path) -> bool:
    """Tell whether a path passes nothing, though not all on it is finite."""
    return not path.product and not all(map(math.isfinite, path.slopes))


def _closed_at(path: Path, pen: TextPen) -> str:
    """Return the symbol of the first local derivative on the way back that is 0."""
    place = max(place for place, slope in enumerate(path.slopes) if not slope)
    return pen.local(path.nodes[place + 1], path.nodes[place], path.held[place])


def _path_sides(path: Path, found: Paths, pen: TextPen) -> Iterator[str]:
    """Yield the product along a path: of symbols, of formulas, of numbers, and what it comes to."""
    scale = [] if found.upstream == 1 else [grouped(pen.number(found.upstream), pen)]
    steps = list(zip(path.nodes, path.nodes[1:], path.slopes, path.held, path.formulas, strict=False))[::-1]
    yield pen.product(scale + [pen.local(user, node, held) for node, user, _, held, _ in steps])
    if _is_closed(path):  # zero times infinity is no product
        yield pen.number(path.product)
        return
    alone = not scale and len(steps) == 1
    numbers = [pen.number(slope) for _, _, slope, _, _ in steps]
    numbers = numbers if alone else [grouped(text, pen) for text in numbers]
    if any(path.formulas) and len(steps) <= _MOST_FACTORS:
        factor = pen.expression if alone else pen.factor
        formulas = [factor(step[-1]) if step[-1] else text for step, text in zip(steps, numbers, strict=True)]
        yield pen.product(scale + formulas)
    yield pen.product(scale + numbers)
    yield pen.number(path.product)


def paths_json(found: Paths) -> dict[str, Any]:
    """Return the paths as they stand in JSON."""
    return {
        "node": found.node,
        "number": found.number,
        "total": number(found.total),
        "paths": [_path(path) for path in found.paths],
    }


def _path(path: Path) -> dict[str, Any]:
    slopes = [number(x) for x in path.slopes]
    held = {"held": list(path.held)} if any(path.held) else {}
    formulas = list(path.formulas)
    record = {"nodes": list(path.nodes), "slopes": slopes, "product": number(path.product)}
    return {**record, "formulas": formulas, **held}
