"""The defaults of ``check``. They stand here alone, for its help is to import nothing."""

from __future__ import annotations

RTOL = 1e-9
ATOL_AT_ZERO = 1e-12
POINTS = 20
SEED = 0
