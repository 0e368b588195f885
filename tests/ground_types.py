"""The reports of random programs as JSON, a line each: what ``test_ground_types`` runs in several processes.

The first line names the types that mpmath and sympy compute with.
"""

import json
import sys
from itertools import islice
from pathlib import Path

import mpmath.libmp
from sympy.external.gmpy import GROUND_TYPES

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from fuzz import in_process
from fuzzing.programs import programs

if __name__ == "__main__":
    count, seed = map(int, sys.argv[1:])
    sys.stdout.write(f"{mpmath.libmp.BACKEND} {GROUND_TYPES}\n")
    for program in islice(programs(seed), count):
        try:
            told = in_process(program)
        except Exception as error:  # noqa: BLE001 - that none comes is what is tested
            told = {"crash": repr(error)}
        sys.stdout.write(json.dumps([program.command, told]) + "\n")
