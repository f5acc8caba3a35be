"""The clock of what is shown: where in the clips we are, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .shown import Shown

#: What the speed menu offers.
SPEEDS: tuple[str, ...] = ("0.1×", "0.25×", "0.5×", "1×", "2×", "4×", "10×")


@dataclass
class Player:
    """``frames`` and ``fps`` are those of the longest clip; ``time`` in seconds. At the end it begins again."""

    frames: int = 1
    fps: float = 30.0
    time: float = 0.0
    speed: float = 1.0
    playing: bool = False

    def open(self, shown: Sequence[Shown]) -> None:
        """Another set of clips, from their start."""
        longest = max(shown, key=lambda one: one.seconds)
        self.frames, self.fps, self.time = longest.frames, longest.fps, 0.0
        self.playing = self.frames > 1

    @property
    def frame(self) -> int:
        return min(int(self.time * self.fps + 1e-6), self.frames - 1)

    @property
    def moving(self) -> bool:
        return self.playing and self.frames > 1

    def advance(self, seconds: float) -> None:
        self.time = (self.time + seconds * self.speed) % (self.frames / self.fps)

    def go_to(self, frame: int) -> None:
        self.time = min(max(frame, 0), self.frames - 1) / self.fps

    def step(self, by: int) -> None:
        """So many frames on or back, round the end; playing stops."""
        self.playing = False
        self.go_to((self.frame + by) % self.frames)
