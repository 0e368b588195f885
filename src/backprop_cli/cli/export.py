"""``backprop export``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from backprop_cli.cli.command import command
from backprop_cli.cli.options import Shown, Where
from backprop_cli.errors import Status, UsageError

if TYPE_CHECKING:
    from backprop_cli.console.output import Output


class To(StrEnum):
    """Languages."""

    c = "c"
    cpp = "cpp"
    python = "python"
    numpy = "numpy"
    javascript = "javascript"
    rust = "rust"
    fortran = "fortran"
    julia = "julia"
    latex = "latex"


@command(
    epilog="""\b
Examples:
  backprop export "e = a*b; L = (e+c)*f" --to c
  backprop export "sigmoid(w*x)" w=0.5 x=2 --to rust --output n.rs
  backprop export "x*log(x)" --to python --function f --verify

\b
The file has the steps of the program by their names, and a test of its own at
three points: the one given, or one of our choice, and two near it, with what
is right there from 50 digits. C and Fortran: -DBACKPROP_TEST; Rust: rustc
--test; the others: run the file. LaTeX has formulas, and no test.

\b
Exit status: 0 done; 1 --verify found a difference; 2 a mistake in the
program, a value or an option, or there is no compiler for --verify.""",
)
def export(
    options: Where,
    to: Annotated[To, typer.Option("--to", help="The language.")],
    function: Annotated[
        str, typer.Option("--function", metavar="NAME", help="What the function is called.")
    ] = "",
    target: Annotated[
        str,
        typer.Option(
            "--output", metavar="FILE", show_default=False, help="Write to FILE; - for standard output."
        ),
    ] = "-",
    hessian: Annotated[
        bool, typer.Option("--hessian", help="Second derivatives behind the gradient, too.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compile and run the test before anything is written.")
    ] = False,
    *,
    output: Shown,
) -> int:
    """Write value and gradients as source code.

    Straight-line reverse mode in C, C++, Python, NumPy, JavaScript, Rust, Fortran or Julia: no dependency, no
    loop, and no word of a branch that is not taken. In LaTeX the same steps as aligned formulas.
    """
    from backprop_cli.export.languages import LANGUAGES
    from backprop_cli.export.source import export_source
    from backprop_cli.export.typeset import typeset_source
    from backprop_cli.export.verify import run_test
    from backprop_cli.language.arrays.values import as_array
    from backprop_cli.language.source import choose_point, read_source

    text, given = options.read_program_of_arrays(shapes=True)
    if options.read_upstream() != 1:
        raise UsageError("--upstream is of no function", hint="multiply what it returns")
    source = read_source(text, given, options.notation)
    has_point = source.inputs.keys() <= given.keys() | source.defaults.keys()
    has_values = any(as_array(value).values for value in given.values())
    point = choose_point(source, given) if has_values or (has_point and source.inputs) else None
    wanted = options.choose_inputs(source) or list(source.inputs)
    output.tell_reading(source.read_as)
    if to is To.latex:
        if verify or function:
            raise UsageError(f"LaTeX has no {'test to run' if verify else 'function to be named'}")
        _write(typeset_source(source, wanted, hessian=hessian), target, output)
        return Status.DONE
    language = LANGUAGES[to.value]
    code, cases = export_source(source, language, wanted, point, function, hessian=hessian)
    if not cases:
        output.remark("the file has no test: the program is not finite at the point, or at one near it")
    if verify:
        said = run_test(code, language, cases)
        if said:
            output.diagnose(f"the test of the file fails: {said}")
            return Status.CHECK_FAILED
        output.remark(f"verified at {cases} point{'s' * (cases != 1)}")
    _write(code, target, output)
    return Status.DONE


def _write(code: str, target: str, output: Output) -> None:
    if target == "-":
        output.write(code)
        return
    from backprop_cli.system.files import write_file

    write_file(target, code.encode())
