"""``backprop ops`` and ``backprop schema``: what the tool knows about itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import form_of
from backprop_cli.cli.suggest import suggest_operations, suggest_schemas
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output
from backprop_cli.errors import Status, UsageError
from backprop_cli.schemas import schema_names, schema_text
from backprop_cli.text import did_you_mean


class ListFormat(StrEnum):
    """Forms of a list."""

    table = "table"
    json = "json"
    markdown = "markdown"


@command(
    of_program=False,
    epilog="""\b
Examples:
  backprop ops
  backprop ops sigmoid
  backprop ops --json | jq -r '.operations[].name'""",
)
def ops(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="One operation, by its name or an alias.",
            autocompletion=suggest_operations,
        ),
    ] = None,
    *,
    form: Annotated[ListFormat, form_of(ListFormat.table)],
    environment: Environment,
) -> int:
    """Show the operations and their derivatives.

    With a NAME, all about one: formula, derivative, domain, and the convention at kinks.
    """
    from backprop_cli.operations.table import FUNCTIONS, OPS
    from backprop_cli.render import operations

    known = {**OPS, **FUNCTIONS}
    if name is not None and name not in known:
        raise UsageError(
            f"there is no operation {name!r}", hint=did_you_mean(name, known) or "backprop ops lists them"
        )
    op = None if name is None else known[name]
    if form is ListFormat.json:
        text = operations.render_json(op)
    elif form is ListFormat.markdown:
        text = operations.render_markdown(op)
    else:
        text = operations.render_list() if op is None else operations.render_one(op)
    Output(environment).write(text)
    return Status.DONE


@command(
    of_program=False,
    epilog="""\b
Examples:
  backprop schema grad
  backprop schema grad | jq '.properties | keys'""",
)
def schema(
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUTPUT",
            help=f"The output described, one of {', '.join(schema_names())}.",
            autocompletion=suggest_schemas,
        ),
    ],
    environment: Environment,
) -> int:
    """Print the JSON Schema of an output."""
    known = schema_names()
    if output not in known:
        raise UsageError(
            f"there is no schema {output!r}", hint=did_you_mean(output, known) or f"one of {', '.join(known)}"
        )
    Output(environment).write(schema_text(output))
    return Status.DONE
