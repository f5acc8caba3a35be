"""Kill a command at random moments, call it once more: does it end with the same complete folder, and nothing besides?

    python tools/kills.py case --kills 20       # also: video FILE [FLAGS OF run], ablate, train

A first, whole run says how long it takes and what its folder holds. Then, each time in a fresh place: the command is
killed (SIGKILL, with all that it started) after a random share of that time, and called again. The second call must end
well, the folder must hold the same names with the same arrays, and no part, draft or lock may be left.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

QUICK = [
    *("--set", "prior=none", "--set", "representation=raw", "--set", "stage.warmup.all.steps=3"),
    *("--set", "stage.guide.rounds=2", "--set", "stage.finetune.all.steps=3"),
]
RUN = ["--recipe", "paper", *QUICK]
SMALL = ["--width", "32", "--layers", "1", "--feedforward", "32", "--batch", "4", "--window", "40", "--shortest", "20"]
DIFFOPT = [sys.executable, "-c", "import sys; from diffopt_core.cli import main; sys.exit(main())"]
#: What no finished run leaves.
LEFT = (".part", ".tmp", ".draft")


def commands(what: str, file: Path | None) -> list[str]:
    """The command, which writes into ``out`` of the folder that it runs in."""
    return {
        "case": ["run", "case.npz", "--out", "out", *RUN],
        "video": ["run", str(file), "--out", "out", *RUN],
        "ablate": ["ablate", "paper,table5/single-stage", "--data", "cases", "--out", "out", *QUICK[:4]],
        "train": ["train", "mdm", "--data", "shards", "--out", "out", "--steps", "12", *SMALL],
    }[what]


def started(command: list[str], folder: Path) -> subprocess.Popen:
    # a cache of its own, so that perception is killed, too
    env = os.environ | {"DIFFOPT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([*DIFFOPT, *command], cwd=folder, env=env, start_new_session=True, text=True, **quiet)


def whole(command: list[str], folder: Path) -> float:
    """Run it to its end; seconds."""
    began = time.monotonic()
    process = started(command, folder)
    _, said = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}: {said[-1000:]}")
    return time.monotonic() - began


def held(folder: Path) -> dict[str, object]:
    """Names below ``out``, and the arrays of motions and weights."""
    found: dict[str, object] = {}
    for path in sorted((folder / "out").rglob("*")):
        if path.is_file():
            arrays = dict(np.load(path)) if path.name == "motion.npz" else {}
            content = path.read_bytes() if path.suffix == ".safetensors" else b""
            found[str(path.relative_to(folder))] = {key: value.tobytes() for key, value in arrays.items()}, content
    return found


def left(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if any(mark in path.name for mark in LEFT)]


def fresh(folder: Path, cases: Path) -> Path:
    shutil.copytree(cases, folder)
    return folder


def survived(what: str, command: list[str], cases: Path, kills: int, seed: int) -> int:
    """How many of so many kills the next call survived."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        seconds = whole(command, fresh(place / "whole", cases))
        want, good = held(place / "whole"), 0
        for number in range(kills):
            folder, after = fresh(place / f"{number}", cases), draw.uniform(0.05, 1.0) * seconds
            process = started(command, folder)
            time.sleep(after)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            whole(command, folder)
            got, rest = held(folder), left(folder)
            good += got == want and not rest
            if got != want or rest:
                differs = [name for name in sorted(want | got) if want.get(name) != got.get(name)]
                print(
                    f"{what}: killed after {after:.1f} s of {seconds:.1f}: differs {differs}, left {rest}", flush=True
                )
            shutil.rmtree(folder)
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("case", "video", "ablate", "train"))
    parser.add_argument("file", nargs="?", type=Path, help="the video")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    args, more = parser.parse_known_args()
    from diffopt_core.host.testing import make_clip
    from diffopt_core.parts.datasets.case_file import arrays_of, write_case

    with tempfile.TemporaryDirectory() as temporary:
        cases, clip = Path(temporary), make_clip(20)
        write_case(cases / "case.npz", arrays_of(clip))
        write_case(cases / "cases" / "a.npz", arrays_of(clip), {"joints": clip.truth.joints.numpy()})
        draw = np.random.default_rng(0)
        pose, trans = np.cumsum(draw.normal(0, 0.01, (600, 24, 3)), 0), np.cumsum(draw.normal(0, 0.01, (600, 3)), 0)
        (cases / "shards").mkdir()
        (cases / "shards" / "skeleton.json").write_text(json.dumps({"offsets": draw.normal(0, 0.2, (24, 3)).tolist()}))
        for name in ("a", "b_val"):
            np.savez(
                cases / "shards" / f"{name}.npz", poses=pose, trans=trans, starts=np.array([0, 300, 600]), fps=30.0
            )
        command = [*commands(args.what, None if args.file is None else args.file.absolute()), *more]
        good = survived(args.what, command, cases, args.kills, args.seed)
    print(f"{args.what}: {good} of {args.kills} kills survived")
    raise SystemExit(good < args.kills)


if __name__ == "__main__":
    main()
