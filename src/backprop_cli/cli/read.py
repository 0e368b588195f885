"""``backprop read``: how a text is read, without a point."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from backprop_cli.cli.command import From, command
from backprop_cli.cli.options import PointOptions, Shown, form_of
from backprop_cli.errors import Status

if TYPE_CHECKING:
    from backprop_cli.language.source import Source


class ReadFormat(StrEnum):
    """Forms of a reading."""

    text = "text"
    json = "json"


@command(
    epilog="""\b
Examples:
  backprop read "n.tanh()"
  backprop read "F = ma" m=2 a=3
  backprop read --from spreadsheet --file cell.txt

The values only say which names are known: they decide what a product of letters is.""",
)
def read(
    options: Annotated[PointOptions, From(PointOptions)],
    *,
    form: Annotated[ReadFormat, form_of(ReadFormat.text)],
    output: Shown,
) -> int:
    """Show how a text is read, in the language of backprop.

    Python, spreadsheets, Wolfram and formulas of books are rewritten, and can be pasted back.
    """
    from backprop_cli.language.source import read_source

    text, given = options.read_program_of_arrays()
    source = read_source(text, given, options.notation, needs_shapes=False)
    if form is ReadFormat.json:
        output.write(_as_json(source) + "\n")
    else:
        output.write(source.as_plain + "\n")
        if source.skipped:
            count = len(source.skipped)
            lines = "1 line left out, which says" if count == 1 else f"{count} lines left out, which say"
            output.remark(f"{lines} nothing about the value")
    return Status.DONE


def _as_json(source: Source) -> str:
    from backprop_cli.console.strict_json import dump

    return dump(
        {
            "schema": "backprop/read@1",
            "program": source.text,
            "notation": source.notation or "plain",
            "read_as": source.as_plain,
            "inputs": [*source.inputs],
            "defaults": [*source.defaults],
            "skipped": [{"start": start, "end": end} for start, end in source.skipped],
        }
    )
