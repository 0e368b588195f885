"""``backprop batch --check``: the options, and what is told of rows, and of those computed once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from backprop_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from backprop_cli.batch.program import Batch
    from backprop_cli.batch.sample import Sample
    from backprop_cli.batch.tally import Start, Tally
    from backprop_cli.console.output import Output


class SampleOptions(NamedTuple):
    """The options that say which rows are computed once more."""

    check: Annotated[
        int,
        typer.Option(
            "--check",
            metavar="N",
            min=0,
            show_default=False,
            help="Compute N rows, drawn at random, once more with sympy.",
        ),
    ] = 0
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Draw the same rows again.")] = None

    strict: Annotated[
        bool,
        typer.Option("--strict", help="End with 1 unless every row of --check is confirmed with 12 digits."),
    ] = False

    def size(self) -> int:
        """Return how many rows are drawn. Raises UsageError for --strict without them."""
        if self.strict and not self.check:
            raise UsageError("--strict goes by the rows of --check", hint="--check 100 --strict")
        return self.check

    def draw(self) -> Sample | None:
        """Return an empty sample of as many rows as are asked for, None for none."""
        from backprop_cli.batch.sample import Sample, choose_seed

        size = self.size()
        return Sample(size, choose_seed() if self.seed is None else self.seed) if size else None


def tell_rows(tally: Tally, output: Output, lost: Collection[str] = (), starts: Sequence[Start] = ()) -> None:
    """Tell what became of the rows. starts: the files that they are of, () for a single one."""
    from backprop_cli.render.rows import render_summary

    for line in render_summary(tally, lost, starts):
        output.remark(line)


def tell_sample(
    sample: Sample,
    batch: Batch,
    rows: int,
    drawn: SampleOptions,
    output: Output,
    starts: Sequence[Start] = (),
) -> bool:
    """Tell whether the rows of a sample come out so by themselves, too. rows: how many it is drawn from."""
    from backprop_cli.batch.sample import find_disagreements
    from backprop_cli.render.rows import render_check

    found = find_disagreements(sample, batch, starts)
    for line in render_check(rows, sample.seed, found, strict=drawn.strict):
        output.remark(line)
    return not (found.differences or (drawn.strict and found.unconfirmed))
