"""Words of the command line, sorted into options and arguments; and the commands they may name."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

from backprop_cli.errors import UsageError, did_you_mean

_OPTION = re.compile(r"--[A-Za-z][A-Za-z-]+(=.*)?", re.DOTALL)


class ProgramCommand(TyperCommand):
    """A command whose first argument is a program, which may begin with a minus.

    Only a word that is an option of the command, or looks like one (``--jsn``), is taken as an option;
    ``-a*b`` and ``-h*f`` are programs.
    """

    def is_option(self, word: str, words: list[str]) -> bool:  # noqa: ARG002 - for commands that decide
        """Tell whether a word that is spelled like an option is one among these words."""
        return True

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Sort the words into options and arguments."""
        takes_value = {
            name: not param.is_flag  # type: ignore[attr-defined]
            for param in self.get_params(ctx)
            if param.param_type_name == "option"
            for name in (*param.opts, *param.secondary_opts)
        }
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                words.extend(rest)
            elif word in takes_value and self.is_option(word, args):
                options.append(word)
                if takes_value[word]:
                    value = next(rest, None)
                    if value is None:
                        raise UsageError(f"{word} needs a value", hint=f"backprop {self.name} --help")
                    options.append(value)
            elif _OPTION.fullmatch(word):
                options.append(word)
            else:
                words.append(word)
        return super().parse_args(ctx, [*options, "--", *words])


class ProgramGroup(TyperGroup):
    """The commands; a program where a command is expected gets a hint."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command. Raises UsageError."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            commands = self.list_commands(ctx)
            hint = did_you_mean(name, commands) or f"the commands are {', '.join(commands)}"
            if not name.isidentifier():
                hint = f"did you mean: backprop grad {' '.join(map(_quoted, args))}"
            raise UsageError(f"there is no command {name!r}", hint=hint)
        return super().resolve_command(ctx, args)


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w=.,+-]+", word) else f'"{word}"'
