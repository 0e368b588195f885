"""Words of the command line, sorted into options and arguments; and the commands they may name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from typer.core import TyperCommand, TyperGroup

from backprop_cli.errors import UsageError
from backprop_cli.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SUMMARY = 80 - len("  many points  completion  ")
"""What is left of a line for what a command does."""
_OPTION = re.compile(r"--[A-Za-z][A-Za-z-]+(=.*)?", re.DOTALL)


class Words(NamedTuple):
    """What stands behind a command: options with their values, arguments, an option that still needs a value.

    literal: whether a ``--`` has made all that follows an argument.
    """

    options: list[str]
    arguments: list[str]
    unfinished: str = ""
    literal: bool = False


def sort_words(params: Iterable[Any], words: Sequence[str]) -> Words:
    """Sort words into the options of a command and its arguments.

    Only a word that is an option of the command, or looks like one (``--jsn``), is taken as an option;
    ``-a*b`` and ``-h*f`` are programs. So are ``-x`` and ``-k``, but not beside --suite.
    """
    has_program = not any(word.partition("=")[0] == "--suite" for word in words)
    takes_value = {
        name: not param.is_flag
        for param in params
        for name in option_names(param)
        if not (has_program and name in ("-x", "-k"))
    }
    options: list[str] = []
    arguments: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return Words(options, [*arguments, *rest], literal=True)
        if takes_value.get(word):
            value = next(rest, None)
            if value is None:
                return Words(options, arguments, unfinished=word)
            options += [word, value]
        elif word in takes_value or _OPTION.fullmatch(word):
            options.append(word)
        else:
            arguments.append(word)
    return Words(options, arguments)


def option_names(param: Any) -> list[str]:
    """Return all spellings of an option, none for an argument."""
    return [*param.opts, *param.secondary_opts] if param.param_type_name == "option" else []


class ProgramCommand(TyperCommand):
    """A command whose first argument is a program, which may begin with a minus."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Sort the words into options and arguments. Raises UsageError, but not while completing."""
        params = self.get_params(ctx)
        words = sort_words(params, args)
        if not ctx.resilient_parsing:
            _refuse_repeated(params, words.options)
            if words.unfinished:
                raise UsageError(f"{words.unfinished} needs a value", hint=f"backprop {self.name} --help")
            # The first may be the program -q. Behind it stand values, and -q=2 is found wrong as one of them.
            for word in words.arguments[1:]:
                if re.fullmatch("-[A-Za-z]", word):
                    known = [name for param in params for name in option_names(param)]
                    meant = [name for name in known if name.startswith(f"-{word}")]
                    hint = f"did you mean {' or '.join(meant)}?" if meant else f"backprop {self.name} --help"
                    raise UsageError(f"there is no option {word}", hint=hint)
        return super().parse_args(ctx, [*words.options, "--", *words.arguments])


class ProgramGroup(TyperGroup):
    """The commands; a program or an option where a command is expected gets a hint."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read ``help grad`` as ``grad --help``, and nothing as ``--help``.

        Raises UsageError for what is no option of the group.
        """
        if args[:1] == ["help"] or not (args or ctx.resilient_parsing):
            args = [*args[1:2], "--help"]
        if args and args[0].startswith("-") and not ctx.resilient_parsing:
            self._check_option(ctx, args)
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as Typer calls it
        """Write what the tool does right below its usage: 18 commands leave one line of a screen empty."""
        formatter.write(f"  {self.help}\n")

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - as Typer calls it
        """Write the commands, each on a line behind the job that it is for; the epilog has the options."""
        commands: list[Any] = [command for command in self.commands.values() if not command.hidden]
        jobs = [command.rich_help_panel or "" for command in commands]
        job_width, name_width = max(map(len, jobs)), max(len(command.name or "") for command in commands)
        for command, job, before in zip(commands, jobs, ["", *jobs], strict=False):
            shown = job if job != before else ""
            summary = command.get_short_help_str(_SUMMARY)
            formatter.write(f"  {shown:{job_width}}  {command.name:{name_width}}  {summary}\n")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command. Raises UsageError."""
        if self.get_command(ctx, args[0]) is None:
            raise self._no_command(ctx, args)
        return super().resolve_command(ctx, args)

    def _check_option(self, ctx: Any, args: list[str]) -> None:
        option = args[0].partition("=")[0]
        if option == "--" or option in _options_of(self, ctx):
            return
        if not _OPTION.fullmatch(args[0]) and not re.fullmatch("-[A-Za-z]", args[0]):
            raise self._no_command(ctx, args)
        homes = [name for name in self.list_commands(ctx) if option in _options_of(self.commands[name], ctx)]
        if homes:
            home = next((word for word in args if word in homes), homes[0])
            raise UsageError(
                f"there is no option {option} before the command",
                hint=f"options stand behind the command: backprop {home} {option} …",
            )

    def _no_command(self, ctx: Any, args: Sequence[str]) -> UsageError:
        name = args[0]
        commands = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
        hint = did_you_mean(name, commands) or f"the commands are {', '.join(commands)}"
        if not name.isidentifier():
            hint = f"did you mean: backprop grad {' '.join(map(_quoted, args))}"
        return UsageError(f"there is no command {name!r}", hint=hint)


def _refuse_repeated(params: Iterable[Any], options: Sequence[str]) -> None:
    """Raise UsageError for an option that is given twice and takes one value: the first would be lost."""
    homes = {name: param for param in params for name in option_names(param) if not param.is_flag}
    seen: set[str] = set()
    rest = iter(options)
    for word in rest:
        name, equals, _ = word.partition("=")
        param = homes.get(name)
        if param is None:
            continue
        if not equals:
            next(rest, None)
        if param.name in seen:
            raise UsageError(f"{name} is given twice", hint=f"it takes one {param.metavar or 'value'}")
        if not param.multiple:
            seen.add(param.name)


def _options_of(command: Any, ctx: Any) -> list[str]:
    return [name for param in command.get_params(ctx) for name in option_names(param)]


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w=.,+-]+", word) else f'"{word}"'
