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
  backprop ops gate
  backprop ops "*"
  backprop ops --json | jq -r '.operations[].name'""",
)
def ops(
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORD]",
            help="An operation, by its name, an alias or its sign; or a word of what is told of several.",
            autocompletion=suggest_operations,
        ),
    ] = None,
    *,
    form: Annotated[ListFormat, form_of(ListFormat.table)],
    environment: Environment,
) -> int:
    """Show the operations and their derivatives.

    With a WORD, those that it finds; of a single one all is shown: formula, derivative, domain, and the
    convention at kinks.
    """
    from backprop_cli.render import operations

    found = operations.find(word)
    if not found and word is not None:
        raise _unknown(word)
    if form is ListFormat.json:
        text = operations.render_json(found)
    elif form is ListFormat.markdown:
        text = operations.render_markdown(found)
    else:
        text = operations.render_list(found) if len(found) > 1 else operations.render_one(found[0])
    Output(environment).write(text)
    return Status.DONE


def _unknown(word: str) -> UsageError:
    """Return the error of a word that finds nothing, with what is written for a function from elsewhere."""
    from backprop_cli.language.foreign.functions import rewritten
    from backprop_cli.operations.table import FUNCTIONS, OPS

    formula = rewritten(word)
    hint = f"write {formula}" if formula else word and did_you_mean(word, {**OPS, **FUNCTIONS})
    return UsageError(f"there is no operation {word!r}", hint=hint or "backprop ops lists them")


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
