"""Run the systems that DiffOpt composes, in upstream's own code, and compare: ``python tools/upstream.py hmr2
--source FOLDER``.

FOLDER is a checkout of the system. The tool makes an environment for it with uv, lets **its** classes write a
checkpoint of random weights, runs our component on a short video through ``diffopt``, runs **its** inference on the
same frames and boxes, and prints the worst difference of each array. Nothing fetched is stored in this repository.
Without a system it lists them; ``docs/upstream.md`` has the results.

A system is a module of ``tools/systems``: ``ROW``, and functions that run in upstream's environment (``make``,
``theirs``) or in ours (``ours``). Each gets a :class:`Place`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
sys.modules["upstream"] = sys.modules[__name__]  # this file, for the rows
SYSTEMS = tuple(sorted(p.stem for p in (Path(__file__).parent / "systems").glob("*.py") if p.stem[0] != "_"))


@dataclass(frozen=True)
class Row:
    """A system. ``packages``: what its environment gets; ``python``: of the environment; ``replaced``: what stand-ins
    take the place of, with the reason (some are in ``tools/systems/stand_ins``); ``random``: files with random content,
    as text; ``tolerance``: largest difference by array, of any other ``1e-4``.
    """

    title: str
    repository: str
    packages: tuple[str, ...] = ()
    python: str = "3.11"
    replaced: dict[str, str] = field(default_factory=dict)
    random: str = "weights"
    tolerance: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """``source``: upstream's checkout; ``folder``: for files; ``python``: of upstream's environment; ``seed``."""

    source: Path
    folder: Path
    python: Path
    seed: int

    def diffopt(self, *words: object, fails: bool = False) -> str:
        """Run ``diffopt`` and return what it printed; its own cache is in ``folder``."""
        command = [str(Path(sys.executable).with_name("diffopt")), *map(str, words)]
        env = os.environ | {"XDG_CACHE_HOME": str(self.folder / "cache"), "HOME": str(self.folder / "home")}
        env["PYTHONPATH"] = str(self.source)
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        if done.returncode and not fails:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    ask.add_argument("system", nargs="?", choices=SYSTEMS)
    ask.add_argument("--source", type=Path, help="a checkout of the system")
    ask.add_argument("--work", type=Path, default=Path("runs/upstream"), help="environments and files")
    ask.add_argument("--seed", type=int, default=0)
    ask.add_argument("--again", action="store_true", help="with the checkpoint of an earlier call")
    ask.add_argument("--inside", help=argparse.SUPPRESS)
    given = ask.parse_args()
    if given.system is None:
        for name in SYSTEMS:
            print(f"{name:14}{load(name).ROW.title}: {load(name).ROW.repository}")
        return 0
    if given.source is None or not given.source.is_dir():
        ask.error(f"--source: a checkout of {load(given.system).ROW.repository}")
    system, folder = load(given.system), (given.work / given.system).absolute()
    python = (given.work / "envs" / given.system / "bin" / "python").absolute()
    place = Place(given.source.absolute(), folder, python, given.seed)
    if given.inside:
        np.savez(folder / f"{given.inside}.npz", **(getattr(system, given.inside)(place) or {}))
        return 0
    return compare(given.system, system, place, given.again)


def load(name: str) -> Any:
    return importlib.import_module(f"systems.{name}")


def compare(name: str, system: Any, place: Place, again: bool) -> int:
    """Both sides, a line for each array, and a result file. Status 1 where a difference is too large."""
    start = time.process_time()
    (place.folder / "home").mkdir(parents=True, exist_ok=True)
    environment(name, system.ROW, place)
    if not again:
        inside(name, "make", place)
    ours, theirs = system.ours(place), inside(name, "theirs", place)
    rows = {key: (worst(ours[key], theirs[key]), system.ROW.tolerance.get(key, 1e-4)) for key in sorted(theirs)}
    for key, (far, most) in rows.items():
        print(f"{'ok   ' if far <= most else 'FAILS'} {key:24}{theirs[key].shape!s:18}{far:.1e} (at most {most:g})")
    told = {
        "system": name,
        "commit": commit(place.source),
        "packages": installed(place.python),
        "worst": {key: far for key, (far, _) in rows.items()},
        "seconds": round(time.process_time() - start, 1),
    }
    (place.folder / "result.json").write_text(json.dumps(told, indent=1))
    return int(any(not far <= most for far, most in rows.values()))


def worst(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference; infinite for other shapes, and where one has no number and the other has."""
    if ours.shape != theirs.shape:
        print(f"shapes {ours.shape} (ours) and {theirs.shape}")
        return float("inf")
    if theirs.dtype.kind not in "fiub":
        return 0.0 if (ours == theirs).all() else float("inf")
    both = np.isfinite(ours.astype(float)) == np.isfinite(theirs.astype(float))
    return float(np.nanmax(np.abs(ours.astype(float) - theirs), initial=0.0)) if both.all() else float("inf")


def inside(name: str, step: str, place: Place) -> dict[str, np.ndarray]:
    """Run a function of the system's module with the environment's Python; its arrays."""
    env = os.environ | {"PYTHONPATH": str(place.source), "HOME": str(place.folder / "home")}
    env |= {"OMP_NUM_THREADS": env.get("OMP_NUM_THREADS", "1"), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [name, "--source", place.source, "--work", place.folder.parent, "--seed", place.seed, "--inside", step]
    subprocess.run([place.python, __file__, *map(str, words)], env=env, check=True, cwd=place.folder)
    with np.load(place.folder / f"{step}.npz") as file:
        return {key: file[key] for key in file.files}


def environment(name: str, row: Row, place: Place) -> None:
    """A virtual environment with the row's packages, once made it is kept; and the stand-ins among them."""
    folder, own = place.python.parent.parent, Path(__file__).parent / "systems" / "stand_ins" / name
    if not (folder / "ready").is_file():
        _build(row, folder, place.python)
    if own.is_dir():
        (packages,) = folder.glob("lib/python*/site-packages")
        shutil.copytree(own, packages, dirs_exist_ok=True)


def _build(row: Row, folder: Path, python: Path) -> None:
    subprocess.run(["uv", "venv", "-q", "--no-project", "--clear", "--python", row.python, folder], check=True)
    install = ["uv", "pip", "install", "-q", "--python", python]
    subprocess.run([*install, "numpy", *row.packages], check=True, cwd=folder)
    (folder / "ready").touch()


def installed(python: Path) -> dict[str, str]:
    """Versions of the packages that matter."""
    listed = subprocess.run(["uv", "pip", "freeze", "--python", python], capture_output=True, text=True, check=True)
    pairs = (line.split("==") for line in listed.stdout.splitlines() if "==" in line)
    return {name: version for name, version in pairs if not name.startswith("nvidia")}


def commit(source: Path) -> str:
    """Commit of the checkout, or what its file ``COMMIT`` says."""
    if (source / "COMMIT").is_file():
        return (source / "COMMIT").read_text().strip()
    done = subprocess.run(["git", "-C", source, "rev-parse", "HEAD"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
