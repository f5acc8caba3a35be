"""Initializer ``hmr2``: runs the package ``hmr2`` in its own environment on the boxes of the person."""

from __future__ import annotations

from pathlib import Path

from diffopt_core.common.progress import track as progress
from diffopt_core.errors import MissingResource
from diffopt_core.interfaces import BuildContext
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.types import CameraFrameBody, CameraTrajectory, Clip, Observations

from ..cropped import body_of_crops, boxes_for
from .config import Hmr2Config

SCRIPT = Path(__file__).with_name("script.py")
INSTALL = (
    "install 4D-Humans as its README says (github.com/shubham-goel/4D-Humans, `pip install -e .` in an environment of "
    "its own) and name that environment with --env PATH or --env conda:NAME; or give a result: --init hmr2=FILE.pkl"
)
NEEDS = Needs(name="hmr2", modules=("torch", "cv2", "hmr2"), how=INSTALL)
REMEDY = {
    "checkpoint": "fetch it with `diffopt weights get hmr2` and unpack it into ~/.cache/4DHumans, or name one with "
    "--set initializer.checkpoint=FILE (its model_config.yaml two folders up)",
    "smpl": "register at https://smpl.is.tue.mpg.de (non-commercial licence) and put the neutral model at "
    "~/.cache/4DHumans/data/smpl/SMPL_NEUTRAL.pkl",
}


class Hmr2Initializer:
    """Implements :class:`diffopt_core.interfaces.Initializer`."""

    def __init__(self, config: Hmr2Config, ctx: BuildContext):
        self._config, self._env, self._device = config, config.env or ctx.env or "here", str(ctx.device)

    def initialize(self, clip: Clip, observations: Observations, camera: CameraTrajectory) -> CameraFrameBody:
        """A body a frame, placed by the camera's focal length; frames without the person are filled and listed.

        Raises MissingResource without the package, its checkpoint or SMPL, BadInput without a video.
        """
        boxes = boxes_for(clip, observations)
        if self._env == "uv":
            raise MissingResource(f"initializer hmr2: uv cannot build its environment (parts of it compile): {INSTALL}")
        checkpoint = self._config.checkpoint
        job = {
            "boxes": boxes,
            "checkpoint": str(checkpoint.expanduser().absolute()) if checkpoint else None,
            "batch": self._config.batch,
            "device": self._device,
        }
        with progress("hmr2", clip.num_frames) as update:
            found = run_script(self._env, NEEDS, SCRIPT, job, clip.video, report=lambda done, total: update(done))
        if "missing" in found:
            raise MissingResource(f"initializer hmr2: {found['why']}; {REMEDY[str(found['missing'])]}")
        return body_of_crops(found, clip, camera, "HMR2.0", self._config.smpl)
