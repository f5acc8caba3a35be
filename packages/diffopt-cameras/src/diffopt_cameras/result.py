"""Camera ``result``: the camera that was solved with another person of the clip, so that both are in one world."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from diffopt_core.errors import BadInput, MissingResource

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext
    from diffopt_core.types import CameraTrajectory, Clip, Observations

    from diffopt_cameras.configs import ResultConfig

RUN = "run.json"


class SolvedCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def __init__(self, config: ResultConfig, ctx: BuildContext):
        if config.file is None:
            raise MissingResource("camera 'result' reads a result of ours: --camera result=FOLDER")
        self._folder = config.file.expanduser()
        self._told = self._finished()

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World (Y up, floor at y = 0, in the metres of that result) to camera; it is ``held``.

        Raises BadInput for a result of other frames.
        """
        from diffopt_core.data.window import travel_of
        from diffopt_core.parts.assumed import grounds
        from diffopt_core.results.saved import read_result

        told, path = self._told, self._folder / RUN
        if clip.sha256 != told.get("sha256"):
            raise BadInput(path, "sha256", f"the result is of another file than {clip.path or clip.name}")
        result = read_result(self._folder)
        mine, its = tuple(range(clip.num_frames)), tuple(range(result.clip.num_frames))
        if clip.video is not None and result.clip.video is not None:
            mine, its = clip.video.frames, result.clip.video.frames
        if mine != its or abs(clip.fps - result.clip.fps) > 1e-3 * clip.fps:
            problem = f"is of {len(its)} frames at {result.clip.fps:g} fps, the clip has {len(mine)} at {clip.fps:g}"
            raise BadInput(path, "frames", f"{problem}; --frames, --fps and --resample as for that result")
        camera, untrusted = result.camera, result.untrusted
        guessed = [ground.what for ground in grounds(result) if ground.guessed]
        facts = {"result": str(self._folder), "focal_from": f"the result {self._folder}", "guessed": guessed}
        if vertical := result.provenance.get("vertical"):
            facts["vertical_sd"] = vertical["sd_deg"]
        if untrusted:
            facts["not_trusted"] = [f"the result {self._folder.name} is not trusted: {untrusted[0]}"]
        travel = travel_of(camera.R, camera.t)
        return replace(
            camera, unit="metre", level=True, travel=travel, trusted=not untrusted, held=True, up=None, up_var=None,
            facts=facts,
        )  # fmt: skip

    def _finished(self) -> dict[str, Any]:
        """The run file. Raises BadInput for a folder without a finished result, before anything is perceived."""
        from diffopt_core.results.saved.result import motion_in, run_beside

        path = motion_in(self._folder).with_name(RUN)
        if not path.is_file():
            raise BadInput(self._folder, RUN, "is not there; expected the folder of a result")
        if (told := run_beside(path)).get("status") not in ("finished", "doubtful"):
            raise BadInput(path, "status", f"is {told.get('status')!r}, expected the result of a finished solve")
        return told
