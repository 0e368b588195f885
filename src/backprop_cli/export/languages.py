"""The languages of ``export``."""

from __future__ import annotations

from backprop_cli.export.curly import CPP, JAVASCRIPT, RUST, C
from backprop_cli.export.pythonic import NUMPY, PYTHON
from backprop_cli.export.technical import FORTRAN, JULIA

LANGUAGES = {
    language.name: language for language in (C, CPP, PYTHON, NUMPY, JAVASCRIPT, RUST, FORTRAN, JULIA)
}
