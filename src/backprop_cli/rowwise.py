"""Where ``compile_rows`` and ``STATUSES`` were in version 0.1; ``backprop_cli`` itself has both."""

from __future__ import annotations

from backprop_cli.batch.rowwise import compile_rows
from backprop_cli.batch.tally import STATUSES

__all__ = ["STATUSES", "compile_rows"]
