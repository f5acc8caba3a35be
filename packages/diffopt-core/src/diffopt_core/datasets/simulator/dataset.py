"""The object behind the dataset ``simulated``."""

from __future__ import annotations

from pathlib import Path

from ...interfaces import BuildContext
from ...types import Clip
from ..case_file import clip_of, with_truth
from ..motion_file import load_motion, window
from ..simulated import SimulatedConfig


class SimulatedDataset:
    """Implements :class:`diffopt_core.interfaces.Dataset`."""

    def __init__(self, config: SimulatedConfig, ctx: BuildContext):
        self._config, self._seed = config, ctx.seed if config.seed is None else config.seed

    def accepts(self, path: Path) -> bool:
        """Never unasked: a motion file opened as it is means the motion itself."""
        return False

    def load(self, path: Path) -> Clip:
        from .simulate import simulate  # brings scipy.signal, which nobody needs who only asks what a file is

        config = self._config
        motion = load_motion(path, config.motion)
        motion = window(motion, config.start, config.frames)
        body = None
        if motion.rest_joints is None:
            from ...bodies.anny24 import load

            body = load()
        case, truth = simulate(motion, config.settings, self._seed, body)
        return with_truth(clip_of(case, motion.name, path), truth, path)
