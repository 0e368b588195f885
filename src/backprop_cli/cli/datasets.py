"""``backprop batch`` over many files: the options, and the run."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from backprop_cli.cli.data import tell_columns
from backprop_cli.cli.parts import PartsProgress
from backprop_cli.cli.sample import tell_sample
from backprop_cli.datasets.inputs import find_inputs, is_data_set
from backprop_cli.datasets.places import WORK, is_remote, local_path
from backprop_cli.datasets.run import Shard
from backprop_cli.errors import FileError, InputError, Status, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.dialect import Dialect
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.job import Job
    from backprop_cli.cli.dialect import DialectOptions
    from backprop_cli.cli.sample import SampleOptions
    from backprop_cli.console.output import Output
    from backprop_cli.datasets.inputs import Input
    from backprop_cli.datasets.part import Look
    from backprop_cli.datasets.plan import Ledger, Plan
    from backprop_cli.datasets.run import Summary
    from backprop_cli.datasets.workers import Workers
    from backprop_cli.errors import BackpropError

_LOOKS = 5
_HINT = "--output FOLDER/, with a / at its end"


class SetOptions(NamedTuple):
    """The options of a data set: who does the parts, and which."""

    on: Annotated[
        str | None,
        typer.Option(
            "--on",
            metavar="WHERE",
            help="What does the files of a folder: local, local:2, or a scheduler of Dask's, tcp://HOST:8786.",
        ),
    ] = None
    shard: Annotated[
        str | None,
        typer.Option("--shard", metavar="K/N", help="Do every Nth file of a folder, from the Kth on."),
    ] = None
    retries: Annotated[
        int,
        typer.Option(
            "--retries", metavar="N", min=0, help="Do a file again where a worker or a storage fails."
        ),
    ] = 3
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget what an earlier run has written to the folder.")
    ] = False

    def refuse_single(self) -> None:
        """Raise UsageError for an option that is given where one file is read."""
        given = {"--on": self.on, "--shard": self.shard, "--fresh": self.fresh}
        for option, value in given.items():
            if value:
                raise UsageError(f"{option} is for folders of results", hint=_HINT)

    def read_shard(self) -> Shard:
        """Return which parts are done. Raises UsageError."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", self.shard or "1/1")
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"--shard can't be {self.shard!r}", hint="1/4, 2/4, 3/4 and 4/4 are all of it")
        return Shard(int(found[1]), int(found[2]))


def is_set(names: Sequence[str], target: str, *, is_reduced: bool) -> bool:
    """Tell whether a folder is written. Raises UsageError where several files are read and none is.

    is_reduced: whether all rows come to one, which needs none.
    """
    is_folder = target.endswith("/") or is_remote(target)
    if is_several(names) and not is_folder and not is_reduced:
        what = "several files" if len(names) > 1 else names[0]
        raise UsageError(f"the results of {what} need a folder", hint=_HINT)
    if "-" in names and is_folder:
        raise UsageError("a stream has no name for a file in a folder", hint="--output FILE")
    return is_folder


class SetRun(NamedTuple):
    """What is asked for of a data set. shape: of all results, None for that of each file."""

    job: Job
    shape: Form | None
    names: Sequence[str]
    input_form: Form | None
    target: str
    options: SetOptions
    dialect: DialectOptions
    drawn: SampleOptions


def run_set(asked: SetRun, output: Output) -> int:
    """Do the files of a data set, and tell what became of them. Return the exit status."""
    from backprop_cli.batch.job import need_columns
    from backprop_cli.datasets.plan import Ledger
    from backprop_cli.datasets.run import Run, own_records
    from backprop_cli.render.datasets import render_parts, render_rows
    from backprop_cli.system.pipes import outlive_readers

    outlive_readers()
    need_columns(asked.job._replace(engine="numpy"))
    shard = asked.options.read_shard()
    plan = _plan(asked, output)
    with ExitStack() as stack:
        stack.enter_context(Ledger(plan, str(shard)).hold())  # before workers of another run are waited for
        workers = stack.enter_context(closing(_workers(asked.options.on, len(plan.parts))))
        seen = _look(workers, plan)
        plan = plan.settled(seen.engine)
        ledger = Ledger(plan, str(shard))
        ledger.begin(fresh=asked.options.fresh)
        tell_columns(seen.read_as, seen.unread, output)
        run = Run(plan, ledger, shard, asked.options.retries)
        told = stack.enter_context(PartsProgress(output, run.todo))
        summary = run.go(workers, told)
    records = own_records(summary, shard, plan.parts)
    for line in render_rows(records):
        output.remark(line)
    if summary.failures:
        raise _failed(summary, len(plan.parts), output)
    output.remark(render_parts(summary, records, len(plan.parts), asked.target))
    if plan.parts[0].job.check and records and not _is_confirmed(plan, ledger, records, asked.drawn, output):
        return Status.CHECK_FAILED
    is_bad = any(set(record["met"]) & _faults() for record in records)
    return Status.UNDEFINED if is_bad and not asked.job.skips else Status.DONE


def _is_confirmed(
    plan: Plan, ledger: Ledger, records: Sequence[dict[str, Any]], drawn: SampleOptions, output: Output
) -> bool:
    """Tell whether rows drawn from all parts that are there come out so by themselves, too."""
    from backprop_cli.datasets.drawn import draw_of_all
    from backprop_cli.datasets.part import read_program

    job = plan.parts[0].job
    sample, starts = draw_of_all(records, ledger.drawn, job.check, job.seed or 0)
    part = next(part for part in plan.parts if part.number == records[0]["part"])
    rows = sum(record["rows"] for record in records)
    return tell_sample(sample, read_program(part), rows, drawn, output, starts)


def _look(workers: Workers, plan: Plan) -> Look:
    """Return what parts show of all. Raises what is wrong with the first, if nothing shows it."""
    errors: list[BackpropError] = []
    for part in plan.parts[:_LOOKS]:
        try:
            return workers.look(part)
        except (FileError, InputError) as error:  # of this part alone, perhaps
            errors.append(error)
    raise errors[0]


def _faults() -> set[str]:
    from backprop_cli.batch.tally import FAULTS

    return set(map(str, FAULTS))


def _plan(asked: SetRun, output: Output) -> Plan:
    from backprop_cli.datasets.plan import make_plan

    target = local_path(asked.target).rstrip("/")
    if not is_remote(target):
        target = str(Path(target or "/").resolve())
    if target == "/":
        raise UsageError("the results need a folder of their own", hint=_HINT)
    names = list(map(local_path, asked.names))
    inputs, dialect = find_files(names, asked.input_form, asked.dialect, output)
    _refuse_inside(names, inputs, target)
    return make_plan(asked.job._replace(dialect=dialect), asked.shape, inputs, target)


def find_files(
    names: Sequence[str], form: Form | None, written: DialectOptions, output: Output
) -> tuple[list[Input], Dialect]:
    """Return the files of a data set, and how their text is written. Tell what is left out.

    Raises FileError or UsageError.
    """
    found = find_inputs(list(map(local_path, names)), form)
    dialects = [written.read(one) for one in sorted({file.form for file in found.inputs})]
    if found.left_out:
        count = len(found.left_out)
        told = "1 file is" if count == 1 else f"{count:,} files are"
        output.remark(f"warning: {told} left out, whose ending is of no form: {found.left_out[0]}")
    return found.inputs, dialects[-1]


def is_several(names: Sequence[str]) -> bool:
    """Tell whether the names of data may stand for more than one file, or for some beyond this machine.

    Raises UsageError for an empty one, which would be the folder that one is in.
    """
    if "" in names:
        raise UsageError("--data names nothing", hint="--data . is the folder you are in")
    return len(names) > 1 or any(name != "-" and is_data_set(name) for name in names)


def _refuse_inside(names: Sequence[str], inputs: Sequence[Input], target: str) -> None:
    """Raise UsageError where results would be among the data, and the data of the next run."""
    folders = [name.rstrip("/") if is_remote(name) else str(Path(name).resolve()) for name in names]
    is_below = any(f"{target}/".startswith(f"{folder}/") for folder in folders)
    if is_below or any(file.source.startswith((f"{target}/", f"{target}{WORK}/")) for file in inputs):
        raise UsageError(f"the data and the results are both in {target}/", hint="another folder")


def _workers(where: str | None, parts: int) -> Workers:
    """Return who does the parts. Raises UsageError."""
    from backprop_cli.datasets.workers import LocalWorkers, OwnProcess
    from backprop_cli.system.threads import count_workers

    if where and re.match(r"(tcp|tls)://.", where):
        try:
            from backprop_cli.datasets.cluster import Cluster
        except ModuleNotFoundError as error:
            hint = "pip install 'backprop_cli[cluster]'"
            raise UsageError(f"{where} needs the package {error.name}", hint=hint) from None
        return Cluster(where)
    found = re.fullmatch(r"local(?::([1-9][0-9]{0,3}))?", where or "local")
    if found is None:
        raise UsageError(
            f"--on can't be {where!r}", hint="local, local:2 for two processes, or tcp://HOST:8786"
        )
    count = min(int(found[1] or count_workers()), parts)
    return OwnProcess() if count == 1 else LocalWorkers(count)


def _failed(summary: Summary, total: int, output: Output) -> FileError:
    for number in sorted(summary.failures):
        output.diagnose(f"backprop: {summary.failures[number]}")
    return FileError(
        f"{len(summary.failures):,} of {total:,} parts not done, {len(summary.records):,} there",
        hint="the same command does what is missing",
    )
