"""Lines of JSON objects that pyarrow can read: five times as fast as one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import json

if TYPE_CHECKING:
    from collections.abc import Collection

    from backprop_cli.batch.engines.results import Floats


def read_objects(
    block: bytes, names: Collection[str], wanted: Collection[str]
) -> tuple[int, dict[str, Floats]] | None:
    """Return how many objects there are, and the columns of these keys: finite numbers.

    names: all keys, which every object has, none of them null.  None for any other text, which is to be read
    line by line.
    """
    count = block.count(b"\n") + (not block.endswith(b"\n"))
    # A brace for each line: no object is nested, and no line has two. That no key stands twice pyarrow sees;
    # but it reads NaN and Infinity, which are none of JSON.
    if not block.count(b"{") == count == (b"\n" + block).count(b"\n{"):
        return None
    if any(word in block for word in (b"\\", b"NaN", b"Infinity")):
        return None
    schema = pa.schema([(name, pa.float64()) for name in dict.fromkeys(wanted)])
    try:
        table = json.read_json(
            pa.BufferReader(block), parse_options=json.ParseOptions(explicit_schema=schema)
        )
    except pa.ArrowException:
        return None
    is_whole = table.num_rows == count and {*table.column_names} == {*names}
    if not is_whole or any(column.null_count for column in table.columns):
        return None
    return count, {name: table.column(name).to_numpy() for name in schema.names}
