"""Held-out motions for a report, and their corrupted versions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffopt_core.common.npz import keys_of
from diffopt_core.data.rotation import axis_angle_to_matrix, columns_to_matrix, matrix_to_columns
from diffopt_core.errors import BadInput
from diffopt_core.host.train.shards import Clips, find
from diffopt_core.host.train.shards import read as read_shards
from diffopt_core.host.train.windows import between
from diffopt_core.parts.datasets.configs import AmassConfig
from diffopt_core.parts.datasets.motion_file import load_motion
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diffopt_priors.mdm.features import kinematics


def read(file: Path) -> Clips:
    """Read the clips of any motion file: shards unchanged; AMASS files and results as one clip at 30 fps. Raises
    BadInput naming file and key."""
    keys = keys_of(file)
    if "starts" in keys or not keys & {"poses", "global_orient"}:
        # Broken shards are reported by the reader of shards.
        return read_shards([file])
    clip = load_motion(file, AmassConfig())
    if clip.truth is None or clip.truth.motion is None:
        raise BadInput(file, "keys", "hold no motion; expected a motion shard (docs/formats.md), AMASS or motion.npz")
    motion = clip.truth.motion
    frames = len(motion.trans)
    d6 = matrix_to_columns(motion.pose.float())
    one = torch.ones(1)
    return Clips(d6, motion.trans.float(), torch.tensor([0]), torch.tensor([frames]), one, clip.fps, (file.name,))


#: Mean speed of the joints in the world below which a window counts as still, m/s.
STILL = 0.05


@dataclass(frozen=True)
class Held:
    """Windows of equal length, as positions in the frames of their clips."""

    d6: Float[Tensor, "N 24 6"]  # columns
    trans: Float[Tensor, "N 3"]  # pelvis, m
    first: Int[Tensor, "B"]  # first frame of each window
    low: Int[Tensor, "B"]  # its clip: frames low to high - 1
    high: Int[Tensor, "B"]
    part: Int[Tensor, "B"]  # index into names
    names: tuple[str, ...]  # shards
    frames: int
    fps: float
    offsets: Float[Tensor, "24 3"]  # child minus parent in the rest pose, m

    def __len__(self) -> int:
        return len(self.first)

    def some(self, index: Tensor) -> Held:
        """These windows only."""
        rows = {key: getattr(self, key)[index] for key in ("first", "low", "high", "part")}
        return replace(self, **rows)

    def at(self, position: Float[Tensor, "B F"]) -> tuple[Float[Tensor, "B F 24 3 3"], Float[Tensor, "B F 3"]]:
        """Pose and pelvis between frames."""
        d6, trans = between(self.d6, self.trans, position, self.low, self.high)
        return columns_to_matrix(d6), trans

    def windows(self) -> tuple[Float[Tensor, "B F 24 3 3"], Float[Tensor, "B F 3"]]:
        """The windows as recorded."""
        index = self.first[:, None] + torch.arange(self.frames)
        return columns_to_matrix(self.d6[index]), self.trans[index]

    def moving(self) -> Bool[Tensor, "B"]:
        """Windows with motion."""
        joints = kinematics(*self.windows(), self.offsets)
        return (joints.diff(dim=1).norm(dim=-1).mean((1, 2)) * self.fps) > STILL

    def rest_joints(self) -> Float[Tensor, "24 3"]:
        """T-pose about the pelvis, m."""
        return kinematics(torch.eye(3).expand(24, 3, 3), torch.zeros(3), self.offsets)


def shards(path: Path) -> tuple[list[Path], list[str]]:
    """Shards of a folder, or the one named, and notices about the choice."""
    if not path.exists():
        raise BadInput(path, "--data", "no such file or folder; expected a motion shard (.npz) or a folder of them")
    if path.is_file():
        return [path], []
    if found := find(path, validation=True):
        return found, []
    found = sorted(p for p in path.rglob("*.npz") if "_nonflat" not in p.stem)
    if not found:
        raise BadInput(path, "--data", "holds no motion shard; expected *.npz as in docs/formats.md")
    return found, [f"{path} has no *_val*.npz: all of its {len(found)} shards are measured, including training data"]


def find_skeleton(path: Path, files: Sequence[Path]) -> Path | None:
    """``skeleton.json`` in the folder, beside the first shard or in the folder above it."""
    folders = [path] if path.is_dir() else []
    folders += [files[0].parent, files[0].parent.parent]
    return next((f / "skeleton.json" for f in folders if (f / "skeleton.json").is_file()), None)


def held_of(named: Mapping[str, Clips], offsets: Tensor, frames: int) -> Held:
    """All non-overlapping windows of clips of one rate, by the shards' names."""
    rows, before = [], 0
    for number, clips in enumerate(named.values()):
        for start, length in zip(clips.start.tolist(), clips.length.tolist(), strict=True):
            low, high = before + start, before + start + length
            rows += [(low + k * frames, low, high, number) for k in range(length // frames)]
        before += len(clips.trans)
    every = list(named.values())
    d6, trans = torch.cat([clips.d6 for clips in every]), torch.cat([clips.trans for clips in every])
    first, low, high, part = torch.tensor(rows).reshape(-1, 4).unbind(1)
    return Held(d6, trans, first, low, high, part, tuple(named), frames, every[0].fps, offsets)


def hold(files: Sequence[Path], offsets: Tensor, frames: int, most: int) -> tuple[Held, list[str]]:
    """Non-overlapping windows of all shards, at most ``most`` of them (evenly spaced), and notices."""
    notices: list[str] = []
    kept: list[tuple[Path, Clips]] = []
    for file in files:
        clips = read(file)
        if bool((clips.length >= frames).any()):
            kept.append((file, clips))
        else:
            notices.append(f"{file.name}: no clip on flat ground has {frames} frames; left out")
    if not kept:
        raise BadInput(
            ", ".join(f.name for f in files), "starts", f"no clip on flat ground has {frames} frames; lower --frames"
        )
    rate = kept[0][1].fps
    for file, clips in kept:
        if clips.fps != rate:
            raise BadInput(
                file, "fps", f"is {clips.fps:g}, and {rate:g} in {kept[0][0].name}; give one shard at a time"
            )
    held = held_of({file.stem: clips for file, clips in kept}, offsets, frames)
    if len(held) > most:
        notices.append(f"{most} of {len(held)} windows are used, evenly spaced (--windows)")
        held = held.some(torch.linspace(0, len(held) - 1, most).round().long())
    return held, notices


Motion = tuple[Float[Tensor, "B F 24 3 3"], Float[Tensor, "B F 3"]]

#: Speed of the drift of ``slid feet``, m/s.
SLIDE = 0.3
#: ``jitter``: root mean square angle of the rotations (degrees), and of each axis of the pelvis (m).
SHAKE_DEGREES, SHAKE_METRES = 3.0, 0.01


def shuffled(held: Held, generator: torch.Generator) -> Motion:
    """Frames in random order."""
    order = torch.rand(len(held), held.frames, generator=generator).argsort(1)
    return held.at((held.first[:, None] + order).double())


def slower(held: Held, generator: torch.Generator) -> Motion:
    """The middle half of the window, stretched to its length."""
    start = held.first + held.frames / 4
    return held.at(start.double()[:, None] + 0.5 * torch.arange(held.frames))


def faster(held: Held, generator: torch.Generator) -> Motion:
    """Every second frame of twice the window's time, centred on the window."""
    reach = 2 * held.frames - 1
    start = torch.maximum(torch.minimum(held.first - held.frames // 2, held.high - reach), held.low)
    return held.at(start.double()[:, None] + 2.0 * torch.arange(held.frames))


def backwards(held: Held, generator: torch.Generator) -> Motion:
    """Last frame first."""
    pose, trans = held.windows()
    return pose.flip(1), trans.flip(1)


def slid(held: Held, generator: torch.Generator) -> Motion:
    """The whole body drifts at a constant speed, in a random horizontal direction, on top of its true path."""
    pose, trans = held.windows()
    angle = 2 * math.pi * torch.rand(len(held), 1, generator=generator)
    way = SLIDE / held.fps * torch.arange(held.frames)
    drift = torch.stack([way * angle.sin(), torch.zeros(len(held), held.frames), way * angle.cos()], -1)
    return pose, trans + drift


def shaken(held: Held, generator: torch.Generator) -> Motion:
    """White noise on every rotation and on the pelvis."""
    pose, trans = held.windows()
    vectors = torch.randn(*pose.shape[:3], 3, generator=generator) * (math.radians(SHAKE_DEGREES) / math.sqrt(3))
    return pose @ axis_angle_to_matrix(vectors), trans + SHAKE_METRES * torch.randn(trans.shape, generator=generator)


@dataclass(frozen=True)
class Corruption:
    """``of_time``: not applicable to windows without motion. ``reach``: source frames per window frame."""

    amount: str
    apply: Callable[[Held, torch.Generator], Motion]
    of_time: bool = False
    reach: int = 1

    def usable(self, held: Held) -> Bool[Tensor, "B"]:
        """Windows to which the corruption applies."""
        enough = held.high - held.low >= self.reach * held.frames - (self.reach - 1)
        return enough & held.moving() if self.of_time else enough


CORRUPTIONS: dict[str, Corruption] = {
    "shuffled frames": Corruption("random order", shuffled, of_time=True),
    "speed x0.5": Corruption("half the time, stretched", slower, of_time=True),
    "speed x2": Corruption("twice the time, every 2nd frame", faster, of_time=True, reach=2),
    "reversed time": Corruption("last frame first", backwards, of_time=True),
    "slid feet": Corruption(f"drift of {SLIDE:g} m/s", slid),
    "jitter": Corruption(f"{SHAKE_DEGREES:g} degrees, {SHAKE_METRES * 100:g} cm", shaken),
}
