"""The supported systems: open a file and detect which system wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from diffopt_core.common.documents import read_json
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, MissingResource, UnknownName, reading

from . import colmap, gemx, glamr, gvhmr, nerf, phalp, prompthmr, slahmr, slam, tram, wham
from .fields import data_lines, describe, is_text, read_text, words_of
from .tracks import Cameras, Contents, Track
from .worlds import cameras_of


@dataclass(frozen=True)
class System:
    """``name``: component name. ``parse``: reads a file's content; ``folder``: reads a folder, if the system writes
    any."""

    name: str
    accepts: Callable[[Any], bool]
    parse: Callable[[Path, Any], Contents]
    folder: Callable[[Path], Contents] | None = None


SYSTEMS: dict[str, System] = {
    system.name: system
    for system in (
        System("hmr2", phalp.accepts, phalp.parse),
        System("vibe", wham.accepts_vibe, wham.parse_vibe),
        System("wham", wham.accepts, wham.parse),
        System("gvhmr", gvhmr.accepts, gvhmr.parse),
        System("gemx", gemx.accepts, gemx.parse),
        System("tram", tram.accepts, tram.parse, tram.read_folder),
        System("slahmr", slahmr.accepts, slahmr.parse, slahmr.read_folder),
        System("glamr", glamr.accepts, glamr.parse),
        System("prompthmr", prompthmr.accepts, prompthmr.parse),
    )
}

#: Aliases.
ALIASES = {"phalp": "hmr2", "4dhumans": "hmr2", "4d-humans": "hmr2", "gem": "gvhmr", "gem-x": "gemx"}
#: The camera file of systems that write cameras to a separate file.
_BESIDE = {"wham": "slam_results.pth", "gvhmr": "preprocess/slam.pt"}
#: Systems whose world has a static camera, even if the video's camera moved.
_STILL = frozenset({"gemx"})
#: Systems that save cameras as rows of translation and quaternion.
_ROWS = frozenset({"droid", "dpvo", "wham", "gvhmr"})
_TEXT = frozenset({"colmap-text", "colmap", "tum", "kitti"})
#: Known files that are not supported: test of the content, what it is, what to give instead.
_STRANGERS: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (lambda held: _first_with(held, "pred_keypoints_3d"), "is SAM 3D Body's, whose model MHR is not SMPL: use it with "
     "diffopt run VIDEO --init sam3d=FILE, or convert it to SMPL first (facebookresearch/MHR)"),
    (lambda held: _has(held, "rotation", "translation"), "is SLAHMR's cameras.json, made for its "
     "viewer (camera y and z reversed, or the other direction); give cameras.npz of its preprocessed cameras"),
    (lambda held: "extrinsics" in _inner(held, "camera"), "is EMDB's; its cameras are read with the dataset "
     "(--dataset emdb --camera gt)"),
    (lambda held: _has(held, "poses", "trans", "betas") or _has(held, "mocap_framerate"), "is a motion in AMASS's "
     "layout, without a camera: diffopt simulate makes a case of it"),
    (lambda held: _first_with(held, "smpl_thetas"), "is ROMP's or BEV's (smpl_thetas, cam_trans), which is not "
     "supported: write its arrays in WHAM's layout (docs/video.md), or give keypoints and --init lift"),
    (lambda held: _has(held, "state_dict") or _has(held, "model_state_dict"), "is a network checkpoint, not a result"),
    (lambda held: _has(held, "annotations", "images"), "is a COCO file of keypoints: --detector vitpose=FILE"),
    (lambda held: _first_with(held, "keypoints") or _has(held, "instance_info"), "has 2D keypoints: --detector "
     "vitpose=FILE reads them"),
    (lambda held: _has(held, "people", "version"), "is OpenPose's of one frame: --detector openpose=FOLDER"),
)  # fmt: skip


def _has(held: Any, *keys: str) -> bool:
    return isinstance(held, Mapping) and set(keys) <= set(held)


def _inner(held: Any, key: str) -> Mapping[Any, Any]:
    inner = held.get(key) if isinstance(held, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _first_with(held: Any, key: str, depth: int = 3) -> bool:
    """Whether the first entry of nested mappings and lists has this key."""
    if isinstance(held, Mapping):
        return key in held or (depth > 0 and _first_with(next(iter(held.values()), None), key, depth - 1))
    return isinstance(held, list) and bool(held) and depth > 0 and _first_with(held[0], key, depth - 1)


def stranger(held: Any) -> str | None:
    """Description and remedy for a known but unsupported file; None if the file is unknown."""
    return next((said for test, said in _STRANGERS if test(held)), None)


def read_tracks(path: Path, name: str | None = None) -> tuple[Track, ...]:
    """The people of a result of system ``name``; None: detect the system by the file's keys.

    Raises BadInput for a file of an unknown system, of another system than ``name`` or without people, and
    MissingResource if there is no file.
    """
    name = ALIASES.get(name, name) if name is not None else None
    if name is not None and name not in SYSTEMS:
        raise UnknownName("system", name, SYSTEMS)
    with reading(path):
        found = _read_folder(path, name) if path.is_dir() else _read_people(path, name)
    if not found.people:
        raise BadInput(path, "people", "contains no person" + ("; it has only cameras" if found.cameras else ""))
    return found.people


def _open(path: Path) -> Any:
    """A file's content: JSON, or arrays. Raises BadInput."""
    if not path.exists():
        raise MissingResource(f"no file at '{path}'")
    return read_json(path) if is_text(path) and read_text(path).lstrip()[:1] in ("{", "[") else read_foreign(path)


def _read_people(path: Path, name: str | None) -> Contents:
    held = _open(path)
    by_keys = next((system for system in SYSTEMS.values() if system.accepts(held)), None)
    if by_keys is None:
        if said := stranger(held):
            raise BadInput(path, "content", said)
        if slam.is_rows(held) or slam.matrix_key(held) or slam.is_matrices(held):
            raise BadInput(path, "content", "has cameras but no person: --camera droid=FILE reads it")
        if name is None:
            known = f"found {describe(held)}; supported systems: {', '.join(SYSTEMS)}"
            raise BadInput(path, "content", f"is not a known result ({known})")
        return SYSTEMS[name].parse(path, held)
    chosen = SYSTEMS[name] if name is not None else by_keys
    if chosen is not by_keys and not chosen.accepts(held):
        raise BadInput(path, "content", f"is a result of {by_keys.name}, expected {chosen.name}")
    return chosen.parse(path, held)


def _read_folder(path: Path, name: str | None) -> Contents:
    if name is None:
        name = "tram" if any(path.glob("**/hps_track_*.npy")) else "slahmr"
    read = SYSTEMS[name].folder
    if read is None:
        raise BadInput(path, "folder", f"{name} writes one file: give that file")
    return read(path)


@dataclass(frozen=True)
class Said:
    """User settings for a camera file: its ``form`` (``auto``: detect), the quaternion order, the ``direction`` of its
    matrices (``c2w``, ``w2c``), the ``size`` (width, height) of the clip's images, and the ``person`` whose motion in
    both frames gives the cameras if the file has none."""

    size: tuple[int, int]
    form: str = "auto"
    quaternion: str = "auto"
    direction: str = "auto"
    person: str = "longest"


def read_cameras(path: Path, said: Said) -> Cameras:
    """The cameras of a file or folder. Raises BadInput naming file and key."""
    if not path.exists():
        raise BadInput(path, "file", "does not exist")
    with reading(path):
        return _folder(path, said) if path.is_dir() else _file(path, said)


def _file(path: Path, said: Said) -> Cameras:
    form = said.form
    part = path.name == "poses.npy" and path.with_name("tstamps.npy").exists()
    if part and form in ("auto", "droid", "droid-reconstruction"):
        # keyframes, world to camera: read as rows of `terminate()`, they would be wrong without any error
        return _folder(path.parent, replace(said, form="droid-reconstruction"))
    if path.suffix.lower() == ".bin" and form in ("auto", "colmap", "colmap-binary"):
        return colmap.read(path)
    if is_text(path):
        text = read_text(path)
        if text.lstrip()[:1] not in ("{", "["):
            return _text(text, path, said)
    held = _open(path)
    chosen = SYSTEMS.get(form)
    if chosen is None and form == "auto":
        chosen = next((system for system in SYSTEMS.values() if system.accepts(held)), None)
    if chosen is not None and chosen.accepts(held):
        return _of_result(chosen, path, held, said.person)
    return _of_slam(held, path, said)


def _of_result(system: System, path: Path, held: Any, person: str) -> Cameras:
    found = system.parse(path, held)
    if found.cameras is not None:
        return found.cameras
    if system.name in _STILL:
        raise BadInput(
            path, "cameras", f"{system.name} finds none and takes the camera to stand; --camera auto finds it"
        )
    named = [track for track in found.people if track.id == person]
    track = max(named or found.people, key=lambda one: len(one.frames), default=None)
    cameras = None if track is None else cameras_of(track, path, system.name)
    if cameras is None:
        other = f"; give {_BESIDE[system.name]} beside it" if system.name in _BESIDE else ""
        raise BadInput(
            path, "cameras", f"a {system.name} result without cameras, and without a world to derive them from{other}"
        )
    return cameras


def _of_slam(held: Any, path: Path, said: Said) -> Cameras:
    form = said.form
    if form == "droid-reconstruction" or (form == "auto" and slam.is_reconstruction(held)):
        return slam.read_reconstruction(held, path, said.quaternion, said.size)
    if form in ("auto", "nerfstudio", "arkit") and nerf.accepts(held):
        return nerf.read(path, held)
    if form in ("auto", "simplevo", "gvhmr", "droid") and (slam.is_matrices(held) or slam.matrix_key(held)):
        return slam.read_stack(held, path, form, said.direction)
    if slam.is_rows(held) and form in ("auto", *_ROWS):
        guess = {".pth": "wham", ".pt": "gvhmr"}.get(path.suffix.lower(), "droid")
        guess = "droid" if isinstance(held, Mapping) else guess
        return slam.read_rows(held, path, said.quaternion, guess if form == "auto" else form)
    if known := stranger(held):
        raise BadInput(path, "content", known)
    raise BadInput(
        path, "format",
        f"not a known camera file: found {describe(held)}; expected rows tx ty tz qx qy qz qw (N x 7), TRAM's "
        "pred_cam_R, SLAHMR's w2c, DROID-SLAM's poses and tstamps, PromptHMR's "
        "camera_world, or N x 4 x 4 world to camera; set camera.format to choose",
    )  # fmt: skip


def _text(text: str, path: Path, said: Said) -> Cameras:
    form = said.form
    found = form if form in _TEXT else _text_form(text, path)
    if found in ("colmap-text", "colmap"):
        return colmap.read(path.with_name("images.txt") if path.name == "cameras.txt" else path)
    if found == "kitti":
        return slam.read_kitti(text, path)
    return slam.read_tum(text, path, said.quaternion, form if form in _ROWS else "tum")


def _text_form(text: str, path: Path) -> str:
    """Detect the text format. Raises BadInput if it is unknown."""
    first = data_lines(text)[:1]
    words = words_of(first[0][1]) if first else []
    if len(words) == 8:
        return "tum"
    if len(words) == 12:
        return "kitti"
    if len(words) >= 10 or path.name == "cameras.txt":
        return "colmap-text"
    raise BadInput(
        path, "line 1" if not first else f"line {first[0][0]}",
        f"has {len(words)} words per line; TUM has 8 numbers (time "
        "tx ty tz qx qy qz qw), KITTI 12, COLMAP's images.txt 10",
    )  # fmt: skip


def _folder(path: Path, said: Said) -> Cameras:
    form = said.form
    if form.startswith(("auto", "colmap")):
        for folder in (path, path / "sparse" / "0", path / "sparse"):
            if colmap.in_folder(folder):
                return colmap.read_folder(folder)
    if form in ("auto", "droid", "droid-reconstruction") and (path / "poses.npy").exists():
        return slam.read_reconstruction(slam.load_folder(path), path, said.quaternion, said.size)
    if form in ("auto", "tram") and ((path / "camera.npy").exists() or (path / "hps").is_dir()):
        found = tram.read_folder(path).cameras
        if found is not None:
            return found
    for name in ("transforms.json", "metadata.json"):
        if form in ("auto", "nerfstudio", "arkit") and (path / name).exists():
            return nerf.read(path / name, read_json(path / name))
    if form in ("auto", "arkit") and nerf.in_folder(path):
        return nerf.read_folder(path)
    raise BadInput(
        path, "folder", "contains no COLMAP model (images.txt or .bin, cameras), "
        "DROID-SLAM reconstruction (poses.npy, tstamps.npy, intrinsics.npy), "
        "TRAM, nerfstudio or ARKit files; give the file itself",
    )  # fmt: skip
