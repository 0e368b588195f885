"""What is inside of the cells of Arrow: elements of lists and fields of structs, as columns of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backprop_cli.batch.frames.cells import bare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.points import Points

_LISTS = (
    pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view,
    pa.types.is_large_list_view,
)  # fmt: skip


def is_list(kind: pa.DataType) -> bool:
    """Tell whether a type is one of lists."""
    return any(test(kind) for test in _LISTS)


def is_nested(kind: pa.DataType) -> bool:
    """Tell whether the cells of a type have elements or fields."""
    kind = bare(pa.nulls(0, kind)).type
    return is_list(kind) or pa.types.is_struct(kind)


def type_inside(kind: pa.DataType, path: Sequence[str | int]) -> pa.DataType:
    """Return the type of what is at a path in the cells of a type, or the last one on the way there."""
    for key in path:
        kind = bare(pa.nulls(0, kind)).type
        if isinstance(key, int) and is_list(kind):
            kind = kind.value_type
        elif isinstance(key, str) and pa.types.is_struct(kind) and kind.get_field_index(key) >= 0:
            kind = kind.field(key).type
        else:
            return kind
    return kind


class Inside:
    """The columns inside of those of a batch. What has been found on the way to one serves others."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, tuple[str | int, ...]], tuple[Any, Any]] = {}

    def column(self, column: Any, place: int, name: str, points: Points, problems: dict[int, str]) -> Any:
        """Return what an input is read from. place: of the column.  problems: row -> what is wrong."""
        path = points.paths.get(name, ())
        sizes = iter(points.sizes(name))
        bad = np.zeros(len(column), bool)
        for depth, key in enumerate(path, 1):
            known = self._found.get((place, path[:depth]))
            size = next(sizes, None) if isinstance(key, int) else None
            if known is None:
                known = _field(column, key) if isinstance(key, str) else _element(column, key, size)
                self._found[place, path[:depth]] = known
            column, wrong = known
            if isinstance(key, int) and wrong.any():
                told = f"{name.partition('[')[0]} has not {size} elements"
                for row in np.flatnonzero(wrong & ~bad).tolist():
                    problems.setdefault(row, told)
            bad |= wrong
        return column


def _field(column: Any, key: str) -> tuple[Any, Any]:
    """Return a field of structs, null where there is no struct."""
    column = bare(column)
    return pc.struct_field(column, key), np.zeros(len(column), bool)


def _element(column: Any, place: int, size: int | None) -> tuple[Any, Any]:
    """Return the elements at a place in lists, null where a list is of another size; and where that is."""
    column = bare(column)
    count = len(column)
    present = ~column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(column.type):
        length = column.type.list_size
        starts = (column.offset + np.arange(count)) * length
        lengths = np.full(count, length)
    else:
        offsets = column.offsets.to_numpy()
        starts = offsets[:count]
        sizes = getattr(column, "sizes", None)
        lengths = np.diff(offsets) if sizes is None else sizes.to_numpy()
    wrong = present & (lengths != size) if size is not None else present & (lengths <= place)
    taken = np.where(present & ~wrong, starts + place, 0)
    values = column.values
    indices = pa.array(taken, pa.int64(), mask=~present | wrong)
    return values.take(indices), wrong
