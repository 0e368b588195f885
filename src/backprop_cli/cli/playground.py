"""``backprop playground``: a folder to be served, in which the package runs in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output
from backprop_cli.errors import Status


@command(
    of_program=False,
    epilog="""\b
Examples:
  npm install pyodide@0.28.3
  backprop playground site
  python -m http.server --directory site

The folder needs nothing from elsewhere: Pyodide is copied from its npm package,
and backprop with the packages it needs from this environment. Any server of
files can serve it; a browser does not run it from the disk.""",
)
def playground(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where the site goes.")],
    pyodide: Annotated[
        str, typer.Option("--pyodide", metavar="FOLDER", help="The npm package pyodide, unpacked.")
    ] = "node_modules/pyodide",
    *,
    environment: Environment,
) -> int:
    """Make a site in which programs are edited and run."""
    from backprop_cli.playground import build_playground

    Output(environment).write(f"{build_playground(folder, pyodide)}\n")
    return Status.DONE
