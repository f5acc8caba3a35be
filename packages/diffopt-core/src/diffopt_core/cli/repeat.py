"""``diffopt run RUN.json``: repeat a run and compare the results bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common.console import note, say
from ..common.output import answer
from ..errors import BadInput, MissingResource, reading
from ..host.own_words import TRUST
from .solving import drawn, finish, solve

if TYPE_CHECKING:
    from ..results.run import Run

MOTION = "motion.npz"
#: Keys of run.json that are needed to repeat a run.
_KEYS = {
    "recipe": dict,
    "inputs": list,
    "clip": str,
    "sha256": str | None,
    "seed": int,
    "device": str,
    "provenance": dict,
}


def repeat(
    path: Path,
    moved: Sequence[Path],
    plugins: Sequence[str],
    trust: bool,
    out: Path | None,
    overwrite: bool,
    picture: bool,
    report: bool,
) -> int:
    """Repeat with recipe, seed, device and thread count of the original; ``moved`` replaces its inputs. ``trust``: the
    file may name plugins and programs; without it, DiffOptError is raised if it does."""
    import torch

    saved, run, others = planned(path, moved, plugins, trust, out, overwrite)
    if threads := saved["provenance"].get("threads"):
        torch.set_num_threads(threads)
    for line in others:
        note(line)
    run = drawn(run, picture, report)
    results = solve(run)
    status = finish(run, results)
    said = compare(path.parent / MOTION, run.folder(saved["clip"]) / MOTION)
    answer({"identical": " identical to " in said, "compared": said})
    say(said)
    return status


def planned(
    path: Path, moved: Sequence[Path], plugins: Sequence[str], trust: bool, out: Path | None, overwrite: bool
) -> tuple[dict[str, Any], Run, list[str]]:
    """The checked contents of a run file, the run it describes, and what has changed since (versions, machine)."""
    from ..host.own_words import check_programs
    from ..host.recipe import parse
    from ..host.registry import Registry
    from ..results.run import Run
    from ..results.saved.truth import input_of

    with reading(path):
        saved = _saved(path)
        registry = Registry.load(plugins or _plugins(path, saved, trust))
        recipe = parse(saved["recipe"], str(path))
        if not trust:
            check_programs(recipe, {}, registry, str(path), TRUST)
        original = path.parent
        folder = out or original.with_name(f"{original.absolute().name}-repeat")
        inputs = tuple(moved) or tuple(input_of(Path(name), original) for name in saved["inputs"])
        seed, device, only = saved["seed"], _device(path, saved), (saved["clip"],)
        run = Run(inputs, recipe, registry, folder, seed, device, overwrite, batch=len(inputs), only=only)
        _check_inputs(path, saved, run)
        return saved, run, _others(path, saved, run)


def _saved(path: Path) -> dict[str, Any]:
    """Read and check the keys that are needed to repeat a run."""
    from ..results.saved.result import run_beside

    saved = run_beside(path, "repeats")
    for key, kind in _KEYS.items():
        if key not in saved:
            raise BadInput(
                path, key, "is missing, so the run cannot be repeated; expected a run.json as `diffopt run` writes it"
            )
        if not isinstance(saved[key], kind):
            raise BadInput(path, key, f"has value {saved[key]!r} of a wrong type, so the run cannot be repeated")
    return saved


def _plugins(path: Path, saved: dict[str, Any], trust: bool) -> list[str]:
    """The ``-p`` options that the file names; options that load code only if the user trusts the file."""
    named = saved.get("plugins", [])
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise BadInput(path, "plugins", f"is {named!r}; expected a list of names")
    loaded = [each for each in named if not each.startswith("no:")]
    if loaded and not trust:
        ways = f"{' '.join(f'-p {each}' for each in named)}, or {TRUST}"
        raise BadInput(path, "plugins", f"a file alone may not load code ({', '.join(loaded)}); to allow it: {ways}")
    return named


def compare(a: Path, b: Path) -> str:
    """One line: identical bit for bit, or the first array that differs and by how much."""
    import numpy as np

    if not a.is_file():
        return f"{a}: the original result no longer exists, so there is nothing to compare with"
    with np.load(a) as left, np.load(b) as right:
        if set(left.files) != set(right.files):
            return f"{b}: differs: other arrays than {a} ({', '.join(sorted(set(left.files) ^ set(right.files)))})"
        for name in left.files:
            x, y = left[name], right[name]
            if x.shape != y.shape or x.dtype != y.dtype:
                return f"{b}: differs: {name} is {y.shape} {y.dtype}, was {x.shape} {x.dtype}"
            if x.tobytes() != y.tobytes():
                most = float(np.abs(x.astype(float) - y.astype(float)).max()) if x.dtype.kind in "fiub" else "text"
                return f"{b}: differs: {name} by up to {most:.3g}" if most != "text" else f"{b}: differs: {name}"
        return f"{b}: identical to {a}, bit for bit ({len(left.files)} arrays)"


def _device(path: Path, saved: dict[str, Any]) -> str:
    """The requested device of the original run, unless ``auto`` would choose another kind now."""
    from ..host.provenance import device

    kind = saved["provenance"].get("device_type", "cpu")
    if device(saved["device"]).type == kind:
        return saved["device"]
    if kind == "cuda":
        raise MissingResource(f"{path}: device: the run was made on CUDA, and this machine has none")
    return kind


def _check_inputs(path: Path, saved: dict[str, Any], run: Any) -> None:
    """Check that the clip's file is the one that the run read."""
    from ..perception.perceive import is_there, open_clip
    from ..results.run import context

    for name in run.inputs:
        if not is_there(name):
            raise BadInput(path, "inputs", f"{name} does not exist; if it was moved, name it: diffopt run {path} FILE")
    ctx = context(run)
    clips = {clip.name: clip for clip in (open_clip(name, run.recipe, ctx) for name in run.inputs)}
    clip = clips.get(saved["clip"])
    if clip is None:
        raise BadInput(path, "clip", f"is '{saved['clip']}', which is not among the inputs ({', '.join(clips)})")
    if clip.sha256 != saved["sha256"]:
        raise BadInput(path, "sha256", f"{clip.path} is not the file that this run read: its content has changed")


def _others(path: Path, saved: dict[str, Any], run: Any) -> list[str]:
    """Versions and properties of the machine that have changed since the run; the results may then differ."""
    from ..host.provenance import device, provenance, versions

    then = saved["provenance"]
    had, threads = then.get("versions", {}), then.get("threads", 1)
    if not isinstance(had, dict) or not all(isinstance(each, str) for pair in had.items() for each in pair):
        raise BadInput(path, "provenance.versions", "is not a table of versions")
    if not isinstance(threads, int) or not 0 < threads <= 4096:
        raise BadInput(path, "provenance.threads", f"is {threads!r}, expected a number of threads")
    today = provenance(run.registry, run.recipe, device(run.device), run.seed)
    now = versions(had) | today["versions"]
    machine = {key: then.get(key) for key in ("python", "platform", "device") if key in then}
    pairs = [(name, now[name], had.get(name, "not there")) for name in sorted(had.keys() | now.keys())]
    pairs += [(key, today[key], was) for key, was in machine.items()]
    return [f"{name} is {is_}, was {was}" for name, is_, was in pairs if is_ != was]
