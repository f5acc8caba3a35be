"""A result's folder, written atomically, and its run file, from which the run can be repeated."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from ..common.documents import read_json
from ..errors import DiffOptError
from ..host.guests import named
from ..host.recipe import Recipe
from ..host.registry import Registry
from ..interfaces import Exporter
from ..parts.assumed import as_data
from ..types import CameraFrameBody, CameraTrajectory, Clip, Observations, Result
from .failures import OtherRun
from .saved.result import RUN_FORMAT


def fingerprint(recipe: Recipe, seed: int, device: str, content: str | None) -> str:
    """Hash that is equal for runs that would give the same result. ``content``: :func:`content_of` the clip."""
    return fingerprints(recipe)(seed, device, content)


def fingerprints(recipe: Recipe) -> Callable[[int, str, str | None], str]:
    """:func:`fingerprint` of many clips with one recipe, which is written down once."""
    told = json.dumps(recipe.dump(), sort_keys=True)

    def of(seed: int, device: str, content: str | None) -> str:
        return hashlib.sha256(f"[{told}, {json.dumps([seed, device, content])[1:]}".encode()).hexdigest()

    return of


def content_of(clip: Clip) -> str | None:
    """Digest of what a result of this clip depends on: its file and the truth it is scored against."""
    truth, content = clip.truth, clip.sha256
    if clip.video is not None and clip.video.shot:
        content = f"{content} shot {clip.video.shot}"
    if truth is None:
        return content
    digest = hashlib.sha256(f"{content} {truth.layout} {truth.index}".encode())
    motion, camera = truth.motion, truth.camera
    parts = [truth.joints, truth.good, truth.boxes]
    parts += [motion.pose, motion.trans, motion.betas] if motion is not None else []
    parts += [camera.R, camera.t, camera.focal] if camera is not None else []
    for part in parts:
        digest.update(b"none" if part is None else f"{part.dtype} {tuple(part.shape)}".encode())
        digest.update(b"" if part is None else part.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def run_json(result: Result, plugins: Sequence[str], seed: int, device: str, mark: str) -> dict[str, Any]:
    """Contents of ``run.json``. ``plugins``: the ``-p`` options; ``mark``: the fingerprint."""
    clip = result.clip
    return {
        "diffopt_run": RUN_FORMAT,
        "fingerprint": mark,
        "clip": clip.name,
        "sequence": clip.sequence,
        "inputs": result.provenance["batch"],
        "plugins": list(plugins),
        "sha256": clip.sha256,
        "seed": seed,
        "device": device,
        "status": str(result.status),
        "reason": result.reason,
        "frames": clip.num_frames,
        "fps": clip.fps,
        "fps_from": clip.facts.get("fps_from", "the clip's file"),
        "focal_from": focal_from(result),
        "assumed": as_data(result),
        "evidence": evidence(result),
        "body_model": result.body_model,
        "metrics": result.metrics,
        "provenance": result.provenance,
        "recipe": result.recipe,
    }


def focal_from(result: Result) -> str:
    """Where the focal length is from, as text."""
    camera = result.clip.camera
    known = camera.facts.get("focal_from") if camera else None
    return str(known or result.clip.focal_from or "the clip's file")


def evidence(result: Result) -> dict[str, Any]:
    """Provenance facts of the clip, the detector, the camera source and the initializer."""
    clip = result.clip
    said = {"clip": clip.facts} | {kind: part.facts | said_of(part) for kind, part in clip.parts.items()}
    if clip.doubts:
        said["clip"] = {**clip.facts, "doubts": list(clip.doubts)}
        told = said.get("camera", {})
        why = list(dict.fromkeys((*told.get("not_trusted", ()), *clip.doubts)))
        said["camera"] = {**told, "trusted": False, "not_trusted": why}
    return said


def said_of(part: Observations | CameraTrajectory | CameraFrameBody) -> dict[str, Any]:
    """The fields of a part that the program decides by, as plain data."""
    if isinstance(part, CameraTrajectory):
        filled = [] if part.filled is None else part.filled.nonzero().flatten().tolist()
        return {"unit": part.unit, "travel": part.travel, "trusted": part.trusted, "held": part.held,
                "filled": filled}  # fmt: skip
    return {"poses_from": part.poses_from} if isinstance(part, CameraFrameBody) else {}


class ResultFolder:
    """The folder ``path`` with ``run.json`` (written last) and the files of the exporters."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    def holds(self, fingerprint: str) -> bool:
        """Whether the folder holds the finished result of exactly this run."""
        saved = self._saved()
        return saved.get("fingerprint") == fingerprint and saved.get("status") in ("finished", "doubtful")

    def check(self, fingerprint: str, overwrite: bool, differs: Callable[[dict[str, Any]], str] | None = None) -> None:
        """Raise DiffOptError if the folder cannot be written, OtherRun if it holds another run. ``differs``: in what a
        run file is of another run, as text."""
        saved = self._saved()
        if saved and saved.get("fingerprint") != fingerprint and not overwrite:
            raise OtherRun(self.path, differs(saved) if differs else self.run_file.name)
        if self.path.exists() and not self.path.is_dir():
            raise DiffOptError(f"{self.path}: is a file, expected a folder; choose one with --out")
        nearest = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not os.access(nearest, os.W_OK):
            raise DiffOptError(f"{nearest}: no permission to write; choose another folder with --out")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Lock the folder for this process; drafts that killed processes left beside it are removed.

        A folder that is still empty afterwards is removed. Raises DiffOptError if another run holds the lock, or if the
        folder cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            held = _locked(self.path)
        except BlockingIOError:
            raise DiffOptError(f"{self.path}: another run is writing here; wait for it, or use --out") from None
        except OSError as error:
            raise DiffOptError(f"{self.path}: cannot be written ({error.strerror})") from error
        try:
            for left in self.path.absolute().parent.glob(f"{glob.escape(self._draft)}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield
        finally:
            with suppress(OSError):
                self.path.rmdir()
            if held is not None:
                os.close(held)

    @property
    def _draft(self) -> str:
        return f".{self.path.absolute().name}.draft-"

    def write(
        self,
        result: Result,
        exporters: Sequence[Exporter],
        run: dict[str, Any],
        besides: Sequence[Exporter] = (),
        registry: Registry | None = None,
    ) -> list[Path]:
        """Export into a folder beside this one, then move the files in; ``run.json`` goes last. ``besides``: optional
        exporters (pictures); if one of them fails, the result is kept and the error is raised at the end. ``registry``:
        names the exporters' distributions in errors.

        Raises DiffOptError if the result cannot be written; then nothing of it remains.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=self._draft, dir=self.path.absolute().parent))
        except OSError as error:
            raise DiffOptError(f"{self.path}: cannot be written ({error.strerror})") from error
        failed: list[DiffOptError] = []
        try:
            for exporter in exporters:
                _export(exporter, result, draft, registry)
            for exporter in besides:
                try:
                    _export(exporter, result, draft, registry)
                except DiffOptError as error:
                    failed.append(error)
            (draft / "run.json").write_text(json.dumps(run, indent=1, default=str) + "\n")
            self.path.mkdir(exist_ok=True)
            self.run_file.unlink(missing_ok=True)
            files = sorted(draft.iterdir(), key=lambda file: file.name == "run.json")
            for file in files:
                os.replace(file, self.path / file.name)
        except OSError as error:
            raise DiffOptError(f"{self.path}: cannot be written ({error.strerror or error})") from error
        except DiffOptError as error:  # the exporter's message names the draft folder
            raise DiffOptError(str(error).replace(str(draft), str(self.path))) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if failed:
            raise DiffOptError(str(failed[0]).replace(str(draft), str(self.path))) from failed[0]
        return [self.path / file.name for file in files]

    def _saved(self) -> dict[str, Any]:
        try:
            saved = read_json(self.run_file)
        except DiffOptError:
            return {}
        return saved if isinstance(saved, dict) else {}


def _export(exporter: Exporter, result: Result, draft: Path, registry: Registry | None) -> None:
    with nullcontext() if registry is None else named(registry):
        exporter.export(result, draft)


def _locked(folder: Path) -> int | None:
    """File descriptor of a lock on a folder that the system releases when the process ends; None if locks are not
    supported. Raises BlockingIOError if another process holds it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # a file system without locks
        os.close(handle)
        return None
    return handle
