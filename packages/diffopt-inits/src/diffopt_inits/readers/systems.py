"""The systems whose results are read, and which of them wrote a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, UnknownName

from . import glamr, gvhmr, phalp, prompthmr, slahmr, slahmr_preds, tram, vibe, wham
from .tracks import Track


@dataclass(frozen=True)
class System:
    """``name``: of its initializer. ``parse``: tracks of what a file holds; ``folder``: of a folder, if any."""

    name: str
    accepts: Callable[[Any], bool]
    parse: Callable[[Path, Any], tuple[Track, ...]]
    folder: Callable[[Path], tuple[Track, ...]] | None = None


SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System("hmr2", phalp.accepts, phalp.parse),
        System("vibe", vibe.accepts, vibe.parse),
        System("wham", wham.accepts, wham.parse),
        System("gvhmr", gvhmr.accepts, gvhmr.parse),
        System("tram", tram.accepts, tram.parse, tram.read_folder),
        System("slahmr", slahmr.accepts, slahmr.parse, slahmr_preds.read_folder),
        System("glamr", glamr.accepts, glamr.parse),
        System("prompthmr", prompthmr.accepts, prompthmr.parse),
    )
}

#: Other names that people give them.
ALIASES = {"phalp": "hmr2", "4dhumans": "hmr2", "4d-humans": "hmr2", "gem": "gvhmr"}


def read_tracks(path: Path, name: str | None = None) -> tuple[Track, ...]:
    """The tracks of a result of system ``name``; None tells the system by the file's keys.

    Raises BadInput for a file of no system, or of another than was named, and MissingResource where there is no file.
    """
    name = ALIASES.get(name, name) if name is not None else None
    if name is not None and name not in SYSTEMS:
        raise UnknownName("system", name, SYSTEMS)
    if path.is_dir():
        return _read_folder(path, name)
    held = read_foreign(path)
    by_keys = next((system for system in SYSTEMS.values() if system.accepts(held)), None)
    if by_keys is None and _has_points(held):
        problem = "is SAM 3D Body's, whose model MHR is not SMPL: use it with diffopt run VIDEO --init sam3d=FILE"
        raise BadInput(path, "content", problem + ", or convert it to SMPL first (facebookresearch/MHR)")
    if name is None and by_keys is None:
        keys = ", ".join(str(key) for key in list(held)[:8]) if isinstance(held, dict) else type(held).__name__
        known = ", ".join(SYSTEMS)
        raise BadInput(path, "content", f"looks like no result that is known (it holds: {keys}); name it: {known}")
    chosen = SYSTEMS[name] if name is not None else by_keys
    assert chosen is not None
    if by_keys is not None and chosen is not by_keys and not chosen.accepts(held):
        raise BadInput(path, "content", f"is a result of {by_keys.name}, not of {chosen.name}")
    return chosen.parse(path, held)


def _has_points(held: Any, depth: int = 3) -> bool:
    """Whether the first person in it is one of SAM 3D Body."""
    if isinstance(held, dict):
        inside = next(iter(held.values()), None)
        return "pred_keypoints_3d" in held or (depth > 0 and _has_points(inside, depth - 1))
    return isinstance(held, list) and bool(held) and depth > 0 and _has_points(held[0], depth - 1)


def _read_folder(path: Path, name: str | None) -> tuple[Track, ...]:
    if name is None:
        name = "tram" if any(path.glob("**/hps_track_*.npy")) else "slahmr"
    read = SYSTEMS[name].folder
    if read is None:
        raise BadInput(path, "folder", f"{name} writes one file: name that")
    return read(path)
