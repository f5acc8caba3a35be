"""Ways to spoil a motion that a prior should notice. Each gives a window of as many frames as the real one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffopt_core.rotation import axis_angle_to_matrix
from jaxtyping import Bool, Float
from torch import Tensor

from diffopt_priors.report.held import Held

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
    """The middle half of the window, stretched over all of it."""
    start = held.first + held.frames / 4
    return held.at(start.double()[:, None] + 0.5 * torch.arange(held.frames))


def faster(held: Held, generator: torch.Generator) -> Motion:
    """Twice the window's time, the window near its middle, every second frame."""
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
    """``of_time``: says nothing of a window in which nothing moves. ``reach``: source frames over window frames."""

    amount: str
    apply: Callable[[Held, torch.Generator], Motion]
    of_time: bool = False
    reach: int = 1

    def usable(self, held: Held) -> Bool[Tensor, "B"]:
        """Windows whose corrupted version can be made and means something."""
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
