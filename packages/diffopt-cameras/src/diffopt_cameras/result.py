"""Camera ``result``: the camera that was solved with another person of the clip, so that both are in one world."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diffopt_core.common.documents import read_json
from diffopt_core.errors import BadInput, MissingResource

if TYPE_CHECKING:
    from diffopt_core.interfaces import BuildContext
    from diffopt_core.types import CameraTrajectory, Clip, Observations

    from diffopt_cameras.configs import ResultConfig


class SolvedCamera:
    """Implements :class:`diffopt_core.interfaces.CameraSource`."""

    def __init__(self, config: ResultConfig, ctx: BuildContext):
        if config.file is None:
            raise MissingResource("camera 'result' reads a result of ours: --camera result=FOLDER")
        self._folder = config.file.expanduser()

    def trajectory(self, clip: Clip, observations: Observations) -> CameraTrajectory:
        """World (Y up, floor at y = 0, in the metres of that result) to camera; it is ``held``.

        Raises BadInput for a folder without a finished result, or with one of other frames.
        """
        from diffopt_core.data.window import travel_of
        from diffopt_core.parts.assumed import grounds
        from diffopt_core.results.saved import read_result

        told, path = read_json(self._run_file()), self._run_file()
        if told.get("status") not in ("finished", "doubtful"):
            raise BadInput(path, "status", f"is {told.get('status')!r}, expected the result of a finished solve")
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
        if told := result.provenance.get("vertical"):
            facts["vertical_sd"] = told["sd_deg"]
        if untrusted:
            facts["not_trusted"] = [f"the result {self._folder.name} is not trusted: {untrusted[0]}"]
        travel = travel_of(camera.R, camera.t)
        return replace(
            camera, unit="metre", level=True, travel=travel, trusted=not untrusted, held=True, up=None, up_var=None,
            facts=facts,
        )  # fmt: skip

    def _run_file(self) -> Path:
        path = self._folder / "run.json"
        if not path.is_file():
            raise BadInput(self._folder, "run.json", "is not there; expected the folder of a result")
        return path
