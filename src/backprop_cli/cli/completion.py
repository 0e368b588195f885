"""``backprop completion``, and the answers to the scripts that it prints."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.main import get_command

from backprop_cli.cli.command import command
from backprop_cli.cli.suggest import completion_scripts, suggest_shells
from backprop_cli.cli.words import option_names, sort_words
from backprop_cli.console.environment import Environment
from backprop_cli.console.output import Output
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from backprop_cli.cli.suggest import Suggestions

_FILES = ":files"
"""The answer that leaves it to the shell to suggest files."""


@command(
    of_program=False,
    epilog="""\b
Examples:
  eval "$(backprop completion bash)"    in ~/.bashrc
  eval "$(backprop completion zsh)"     in ~/.zshrc, after compinit
  backprop completion fish > ~/.config/fish/completions/backprop.fish""",
)
def completion(
    shell: Annotated[
        str | None,
        typer.Argument(
            metavar="[SHELL]",
            help="bash, zsh or fish; by default the one that $SHELL names.",
            autocompletion=suggest_shells,
        ),
    ] = None,
    *,
    environment: Environment,
) -> int:
    """Print the script that completes words in a shell.

    It completes commands, options and their values, and the inputs of the program that is being typed.
    """
    scripts = completion_scripts()
    name = shell or Path(environment.variables.get("SHELL", "")).name
    if name not in scripts:
        raise UsageError(
            f"there is no completion for {name!r}" if name else "a shell is missing",
            hint=f"one of {', '.join(scripts)}",
        )
    Output(environment).write(scripts[name].read_text(encoding="utf-8"))
    return Status.DONE


def answer(application: typer.Typer, line: str, output: Output) -> None:
    """Print what may be typed next: a word, a tab and a few words about it on each line.

    A half-typed line may be anything, and a prompt is no place for messages: whatever goes wrong, nothing is
    suggested.
    """
    try:
        found = suggest(get_command(application), line)
    except Exception:  # noqa: BLE001
        found = []
    output.write("".join(f"{word}\t{' '.join(about.split())}\n" for word, about in found))


def suggest(group: Any, line: str) -> Suggestions:
    """Return the words that may end the line, which goes up to the cursor. May raise anything.

    group: of the commands, as Typer makes it.
    """
    words, typed = _split(line)
    top = group.make_context("backprop", [], resilient_parsing=True)
    if words[:1] == ["help"]:
        del words[0]
    if not words:
        if typed.startswith("-"):
            return _options(group.get_params(top), [], typed)
        shown = [(name, command) for name, command in group.commands.items() if not command.hidden]
        return [(name, command.get_short_help_str(80)) for name, command in shown if name.startswith(typed)]
    command = group.commands.get(words[0])
    if command is None:
        return []
    params = command.get_params(top)
    options = {name: param for param in params for name in option_names(param)}
    behind = sort_words(params, words[1:])
    context = command.make_context(words[0], words[1:], parent=top, resilient_parsing=True)
    if behind.unfinished:
        return _values(options[behind.unfinished], context, typed)
    if typed.startswith("-") and not behind.literal:
        name, equals, value = typed.partition("=")
        if equals and name in options:
            return _values(options[name], context, value, f"{name}=")
        return _options(params, behind.options, typed)
    place = len(behind.arguments)
    for param in params:
        if param.param_type_name == "argument":
            if param.nargs < 0 or place < param.nargs:
                return _values(param, context, typed)
            place -= param.nargs
    return []


def _split(line: str) -> tuple[list[str], str]:
    """Return the words behind the command's own name, and the one that is being typed."""
    lexer = shlex.shlex(f"{line}\0", posix=True)  # the mark ends the last word, also if it is empty
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # an open quote: what stands behind it so far is the last word
        words.append(lexer.token)
    typed = words.pop().removesuffix("\0")
    # Other words may stand before: variables, time, sudo.
    own = next((i for i, word in enumerate(words) if Path(word).name == "backprop"), 0)
    return words[own + 1 :], typed


def _options(params: list[Any], given: list[str], typed: str) -> Suggestions:
    """Return the long options that begin as typed, without those that are given already."""
    return [
        (name, param.help or "")
        for param in params
        if param.param_type_name == "option"
        and not param.hidden
        and (param.multiple or not set(option_names(param)) & set(given))
        for name in option_names(param)
        if name.startswith("--") and name.startswith(typed)
    ]


def _values(param: Any, context: Any, typed: str, before: str = "") -> Suggestions:
    """Return values of an option or argument. What the help calls FILE is a file."""
    if "FILE" in (param.metavar or ""):
        return [(_FILES, "")]
    return [(before + item.value, item.help or "") for item in param.shell_complete(context, typed)]
