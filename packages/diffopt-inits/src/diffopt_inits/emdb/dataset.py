"""Dataset ``emdb``: addresses of sequences and their parts (``P8_62_outdoor_walk_data.pkl#100:200``), subsets,
clips."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffopt_core.errors import BadInput
from diffopt_core.interfaces import BuildContext
from diffopt_core.types import Clip, Observations, Truth, as_float

from .config import EmdbConfig
from .read import Sequence, read_sequence, reprojection
from .whole import Whole, read_whole

SUFFIX = "_data.pkl"
#: Glob patterns of the pickles in a sequence's folder, a participant's folder, the whole release.
_PATTERNS = (f"P[0-9]*{SUFFIX}", f"*/P[0-9]*{SUFFIX}", f"P[0-9]*/*/P[0-9]*{SUFFIX}")
_SPAN = re.compile(r"(\d*):(\d*)$")


@dataclass(frozen=True)
class Address:
    """A file or folder, and frames ``start`` to ``stop`` of it (None: all)."""

    path: Path
    start: int | None = None
    stop: int | None = None

    @property
    def is_part(self) -> bool:
        return self.start is not None or self.stop is not None

    @staticmethod
    def of(path: Path) -> Address:
        """Parse a path. Raises BadInput if the text after ``#`` is not ``START:STOP``."""
        if path.exists() or "#" not in path.name:
            return Address(path)
        name, _, span = path.name.rpartition("#")
        found = _SPAN.match(span)
        if not found or span == ":":
            raise BadInput(path, "frames", f"is '{span}'; expected START:STOP, such as #0:100")
        start, stop = (int(number) if number else None for number in found.groups())
        return Address(path.with_name(name), start or 0, stop)

    def part(self, start: int, stop: int) -> Path:
        """The address of some frames, as a path."""
        return self.path.with_name(f"{self.path.name}#{start}:{stop}")


def is_data_file(path: Path) -> bool:
    """Whether a file has the name and the first byte of a sequence's pickle."""
    if not (path.name.lower().endswith(SUFFIX) and path.is_file()):
        return False
    with open(path, "rb") as file:
        return file.read(1) == b"\x80"  # pickle protocol 2 or later, as for numpy arrays


def data_files(path: Path) -> list[Path]:
    """The pickles at a path, in order: the file itself, or those of a sequence, a participant or the whole release."""
    if path.is_dir():
        found = next((files for pattern in _PATTERNS if (files := sorted(path.glob(pattern)))), [])
        return [file for file in found if is_data_file(file)]
    return [path] if is_data_file(path) else []


def sequence_name(file: Path) -> str:
    """Name of a sequence, ``P8_62_outdoor_walk``, from its pickle's file name."""
    return file.name[: -len(SUFFIX)] if file.name.lower().endswith(SUFFIX) else file.name


EMDB1 = (
    "P1_14_outdoor_climb", "P2_23_outdoor_hug_tree", "P3_31_outdoor_workout", "P3_32_outdoor_soccer_warmup_a",
    "P3_33_outdoor_soccer_warmup_b", "P5_42_indoor_dancing", "P5_44_indoor_rom", "P6_49_outdoor_big_stairs_down",
    "P6_50_outdoor_workout", "P6_51_outdoor_dancing", "P7_57_outdoor_rock_chair", "P7_59_outdoor_rom",
    "P7_60_outdoor_workout", "P8_64_outdoor_skateboard", "P8_68_outdoor_handstand", "P8_69_outdoor_cartwheel",
    "P9_76_outdoor_sitting",
)  # fmt: skip
EMDB2 = (
    "P0_09_outdoor_walk", "P2_19_indoor_walk_off_mvs", "P2_20_outdoor_walk", "P2_24_outdoor_long_walk",
    "P3_27_indoor_walk_off_mvs", "P3_28_outdoor_walk_lunges", "P3_29_outdoor_stairs_up", "P3_30_outdoor_stairs_down",
    "P4_35_indoor_walk", "P4_36_outdoor_long_walk", "P4_37_outdoor_run_circle", "P5_40_indoor_walk_big_circle",
    "P6_48_outdoor_walk_downhill", "P6_49_outdoor_big_stairs_down", "P7_55_outdoor_walk",
    "P7_56_outdoor_stairs_up_down", "P7_57_outdoor_rock_chair", "P7_58_outdoor_parcours", "P7_61_outdoor_sit_lie_walk",
    "P8_64_outdoor_skateboard", "P8_65_outdoor_walk_straight", "P9_77_outdoor_stairs_up",
    "P9_78_outdoor_stairs_up_down", "P9_79_outdoor_walk_rectangle", "P9_80_outdoor_walk_big_circle",
)  # fmt: skip
PAPER = (
    "09_outdoor_walk", "14_outdoor_climb", "16_outdoor_warmup", "32_outdoor_soccer_warmup_a", "37_outdoor_run_circle",
    "41_indoor_jogging_workout", "58_outdoor_parcours",
)  # fmt: skip

#: Name of a subset -> names of its sequences; those of ``paper`` lack the participant.
SUBSETS: dict[str, tuple[str, ...]] = {"emdb1": EMDB1, "emdb2": EMDB2, "paper": PAPER}


def listed(subset: str, name: str) -> str | None:
    """The entry of a subset for a sequence (``P8_62_outdoor_walk``); None if it is not in the subset."""
    entries = SUBSETS[subset]
    return next((entry for entry in (name, name.partition("_")[2]) if entry in entries), None)


def in_subset(subset: str, name: str) -> bool:
    """Whether a sequence belongs to a subset; all belong to ``all``."""
    return subset == "all" or listed(subset, name) is not None


def absent(subset: str, names: list[str]) -> list[str]:
    """Entries of a subset that are not among the sequences."""
    if subset == "all":
        return []
    here = {listed(subset, name) for name in names}
    return [entry for entry in SUBSETS[subset] if entry not in here]


log = logging.getLogger(__name__)
FPS = 30.0
LAYOUT = "smpl24"
#: Least number of frames of a clip.
FEWEST = 3


class EmdbDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset` and ``ListsClips``."""

    def __init__(self, config: EmdbConfig, ctx: BuildContext | None = None):
        self._config = config
        self._subset, self._segment = config.chosen()

    def accepts(self, path: Path) -> bool:
        """A ``*_data.pkl``, its folder, a participant's, or the whole release; each also with ``#START:STOP``."""
        plain = path if path.exists() else path.with_name(path.name.rpartition("#")[0] or path.name)
        return bool(data_files(plain))

    def clips(self, path: Path) -> ListOf[Path]:
        """Addresses of the clips at ``path``, by subset and segment. Logs the missing sequences of a subset.

        Raises BadInput if none is left.
        """
        address = Address.of(path)
        if address.is_part:
            return [path]
        files = data_files(address.path)
        chosen = [file for file in files if in_subset(self._subset, sequence_name(file))]
        if not chosen:
            names = ", ".join(sequence_name(file) for file in files[:3]) or "nothing"
            problem = f"{self._subset} has no sequence in common with it (it holds {names}{' ...' * (len(files) > 3)})"
            raise BadInput(path, "subset", problem)
        if path.is_dir() and (lacks := absent(self._subset, [sequence_name(file) for file in chosen])):
            total = len(lacks) + len(chosen)
            log.warning("%s: %d of %d sequences of %s are missing: %s", path, len(lacks), total, self._subset,
                        ", ".join(lacks))  # fmt: skip
        if self._segment is None:
            return chosen
        return [part for file in chosen for part in self._segments(file, self._segment)]

    def load(self, path: Path) -> Clip:
        """Read and check one sequence or a part of it (float32). Raises BadInput, or MissingResource without SMPL."""
        address = Address.of(path)
        files = data_files(address.path)
        if len(files) != 1:
            names = ", ".join(sequence_name(file) for file in files[:3])
            problem = f"holds {len(files)} sequences ({names} ...); name one" if files else "is not a sequence of EMDB"
            raise BadInput(path, "file", problem)
        whole = read_whole(files[0], self._config.smpl, self._config.truth)
        made = whole.sequence
        start, stop = address.start or 0, len(made) if address.stop is None else address.stop
        if stop > len(made) or stop - start < FEWEST:
            problem = f"{start}:{stop} of {len(made)} frames; expected at least {FEWEST} frames"
            raise BadInput(path, "frames", problem)
        if not made.good[start:stop].any():
            raise BadInput(
                path, "good_frames_mask", f"no frame of {start}:{stop} is good, so there is nothing to score"
            )
        if sequence_name(files[0]) != made.name:
            log.warning("%s: the name in the file is %s", files[0], made.name)
        return self._clip(whole, path, start, stop)

    def _segments(self, file: Path, length: int) -> list[Path]:
        """Consecutive parts of ``length`` frames; parts without a good frame are left out, with a warning."""
        made, address = read_sequence(file), Address(file)
        frames = len(made)
        bounds = [(start, min(start + length, frames)) for start in range(0, frames, length)]
        if bounds[-1][1] - bounds[-1][0] < (length if self._config.remainder == "drop" else FEWEST):
            start, stop = bounds.pop()
            log.warning("%s: frames %d:%d are less than a segment and left out", made.name, start, stop)
        kept = [(start, stop) for start, stop in bounds if made.good[start:stop].any()]
        if gone := [f"{start}:{stop}" for start, stop in bounds if (start, stop) not in kept]:
            log.warning("%s: segments without a good frame are left out: %s", made.name, ", ".join(gone))
        if not kept:
            raise BadInput(file, "segment", f"{frames} frames contain no segment of {length} with a good frame")
        return [address.part(start, stop) for start, stop in kept]

    def _clip(self, whole: Whole, path: Path, start: int, stop: int) -> Clip:
        config, made, truth, video = self._config, whole.sequence, whole.truth, whole.video
        part, complete = slice(start, stop), stop - start == len(made)
        sha256 = whole.sha256
        if not complete:
            sha256 = hashlib.sha256(f"{sha256} {start}:{stop}".encode()).hexdigest()
        focal = float(made.intrinsics[[0, 1], [0, 1]].mean()) if config.calibration else None
        facts = {
            "dataset": "emdb",
            "frames": [start, stop],
            "gender": made.gender,
            "good_frames": int(made.good[part].sum()),
            "fps_from": "EMDB: 30 by its definition",
            **made.flags,
        }
        if truth is not None:
            facts["reprojection_px"] = round(reprojection(truth, made), 3)
        _check_flags(made)
        seen = None
        if config.keypoints == "truth":
            seen = _true_keypoints(made, part)
            facts["keypoints_from"] = "EMDB's truth (an oracle)"
            log.warning("%s: 2D keypoints are the projected truth, not a detector's (dataset.keypoints)", made.name)
        return Clip(
            name=made.name if complete else f"{made.name}_{start:05d}_{stop:05d}",
            path=path,
            fps=FPS,
            size=made.size,
            num_frames=stop - start,
            observations=seen,
            truth=None if truth is None else _part_of(truth, part),
            sha256=sha256,
            video=None if video is None else replace(video, frames=video.frames[part]),
            focal=focal,
            focal_from="EMDB's calibration" if focal else "",
            sequence=made.name,
            facts=facts,
        )


def _part_of(truth: Truth, part: slice) -> Truth:
    assert truth.motion is not None and truth.camera is not None
    assert truth.good is not None and truth.boxes is not None
    motion, camera = truth.motion, truth.camera
    return replace(
        truth,
        joints=truth.joints[part],
        motion=replace(motion, pose=motion.pose[part], trans=motion.trans[part]),
        camera=replace(camera, R=camera.R[part], t=camera.t[part], focal=camera.focal[part],
                       centre=camera.centre[part]),
        good=truth.good[part],
        boxes=truth.boxes[part],
    )  # fmt: skip


def _true_keypoints(made: Sequence, part: slice) -> Observations:
    """Confidence 1 inside the image in good frames, else 0."""
    points, good = made.kp2d[part], made.good[part]
    points = np.where(good[:, None, None], points, 0.0)
    inside = ((points >= 0) & (points < made.size)).all(-1) & good[:, None]
    keypoints = np.concatenate([points * inside[..., None], inside[..., None]], -1)
    return Observations(as_float(keypoints), LAYOUT, torch.from_numpy(inside.any(1)))


def _check_flags(made: Sequence) -> None:
    """Log differences between the file's flags and the published lists."""
    for subset, flag in made.flags.items():
        if in_subset(subset, made.name) != flag:
            ours, theirs = ("in", "not in") if not flag else ("not in", "in")
            log.warning("%s: %s the published list of %s, but its file says %s", made.name, ours, subset, theirs)
