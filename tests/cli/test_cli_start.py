"""What a command does not import before it has something to compute: compilers and libraries that cost seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Runs the command line; the first step of a solve ends the process. Says whether it came to one, and what is there.
CODE = """
import sys
from diffopt_core.solver.variables import Adam
from diffopt_core.cli import main

def say(when):
    heavy = {"torch._dynamo", "sympy", "scipy", "matplotlib", "roma", "cv2"} & set(sys.modules)
    print(when, sorted(heavy), flush=True)

def first_step(self, grads):
    say("STEP")
    raise SystemExit(0)

Adam.step = first_step
status = main(sys.argv[1:])
say(f"END {status}")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "came_to"),
    [
        (["check"], "END 0"),
        (["run", "--recipe", "paper", "--device", "cpu"], "STEP"),
        (["run", "--recipe", "best", "--device", "cpu"], "STEP"),
        (["run", "--init", "lift", "--device", "cpu"], "STEP"),
    ],
)
def test_start_imports_nothing_heavy(args, came_to, case, tmp_path):
    command, *flags = args
    done = subprocess.run(
        [sys.executable, "-c", CODE, command, str(case), *flags],
        capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if line.startswith(("STEP", "END"))]
    assert said[:1] == [f"{came_to} []"], done.stdout + done.stderr
