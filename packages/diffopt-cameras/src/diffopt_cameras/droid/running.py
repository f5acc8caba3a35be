"""Run DROID-SLAM on the clip's frames in its own Python environment.

People are masked out. A fork whose ``track`` accepts a mask (TRAM's) gets it. DROID-SLAM itself has no such input:
people are painted over with the mean colour of its training images (nothing to track there), and the weights that its
update network gives to painted pixels are set to zero before each bundle adjustment, as TRAM's fork does internally.
Source: princeton-vl/DROID-SLAM demo.py, droid_slam/factor_graph.py; yufu-wang/tram lib/camera.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.common.progress import track
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.perception.foreign import Needs, run_script
from diffopt_core.types import Clip, Observations
from diffopt_formats.frames import Source
from diffopt_formats.poses import read_pose7
from diffopt_formats.slam import standing
from diffopt_formats.tracks import Cameras

from ..configs import DroidConfig

SCRIPT = Path(__file__).with_name("droid_script.py")
HOME = "https://github.com/princeton-vl/DROID-SLAM"
NEEDS = Needs(
    name="droid-slam",
    modules=("torch", "numpy", "cv2"),
    how=f"install DROID-SLAM by {HOME} (git clone --recursive; it is compiled against CUDA, which uv cannot do on "
    "demand), then name its Python with --env PATH or --env conda:NAME and its folder with camera.repository",
)
_MASKING = {
    "fork": "masks passed to a fork of DROID-SLAM that accepts them",
    "weights": "people painted over, and their pixels' weights set to zero",
    "painted": "people painted over only: this DROID-SLAM's update network could not be reached",
    "none": "none: the detector gave no masks",
}


def run_droid(
    config: DroidConfig, env: str | None, clip: Clip, observations: Observations
) -> tuple[Cameras, Source, dict[str, Any]]:
    """Cameras of the clip's frames, the clip as their source, and facts of the run.

    Raises BadInput for a clip without video, MissingResource (naming the environment, package, GPU or weights that
    is missing), DiffOptError where DROID-SLAM fails.
    """
    if clip.video is None:
        raise BadInput(
            clip.path or clip.name,
            "video",
            "DROID-SLAM needs images, and the clip has none; --camera droid=FILE reads its results",
        )
    if clip.focal is None:
        raise BadInput(
            clip.video.path, "focal",
            "DROID-SLAM does not estimate the focal length; give it with --focal (1200px, 28mm or 65deg)",
        )  # fmt: skip
    if env == "uv":
        raise MissingResource(f"droid-slam: cannot be installed on demand; {NEEDS.how}")
    job = {
        "repository": str(_repository(config)), "weights": str(_weights(config)),
        "focal": clip.focal, "size": clip.size, "buffer": config.buffer,
    }  # fmt: skip
    masks = observations.masks
    with tempfile.TemporaryDirectory(prefix="diffopt-") as folder:
        if masks is not None:
            path = Path(folder) / "masks.npz"
            np.savez_compressed(path, masks=masks.cpu().numpy().astype(bool))
            job["masks"] = str(path)
        with track("DROID-SLAM", 3 * clip.num_frames) as update:  # read, tracked, refined
            out = run_script(env or "here", NEEDS, SCRIPT, job, clip.video, report=lambda done, _: update(done))
    if "missing" in out:
        raise MissingResource(f"droid-slam: {out['missing']}; {NEEDS.how}")
    saved, keyframes = _cameras(clip, out)
    how = str(out["masking"]) if masks is not None else "none"
    notes = list(saved.notes)
    if how in ("painted", "none"):
        notes.append(
            f"DROID-SLAM: people were not fully masked ({_MASKING[how]}); "
            "a large person in the image can bias the camera"
        )
    facts = {"source": "DROID-SLAM", "file": None, "keyframes": keyframes, "people_masked": _MASKING[how]}
    source = Source(np.arange(clip.num_frames), clip.num_frames, clip.fps)
    return replace(saved, notes=tuple(notes)), source, facts


def _repository(config: DroidConfig) -> Path:
    if config.repository is None:
        raise MissingResource(
            f"droid-slam: no folder given; git clone --recursive {HOME}, then --set camera.repository=FOLDER"
        )
    folder = config.repository.expanduser()
    for candidate in (folder / "droid_slam", folder):
        if (candidate / "droid.py").is_file():
            return candidate.absolute()
    raise MissingResource(f"droid-slam: {folder} has no droid_slam/droid.py; git clone --recursive {HOME} there")


def _weights(config: DroidConfig) -> Path:
    if config.weights is None:
        from diffopt_core.perception.weights import locate

        return locate("droid")
    path = config.weights.expanduser()
    if not path.is_file():
        raise MissingResource(
            f"droid-slam: no weights at {path}; `diffopt weights get droid` "
            "fetches droid.pth, which is found without camera.weights"
        )
    return path.absolute()


def _cameras(clip: Clip, out: dict[str, np.ndarray]) -> tuple[Cameras, int]:
    assert clip.video is not None
    path, keyframes, count = clip.video.path, int(out["keyframes"]), clip.num_frames
    if keyframes <= 1:
        # the motion was too small for a second keyframe, so there is nothing to solve
        note = f"{path}: DROID-SLAM saw no camera motion ({keyframes} keyframe); the camera is assumed static"
        return standing(count, path, "droid", note), keyframes
    poses = np.asarray(out["poses"], dtype=np.float64)
    if poses.shape != (count, 7):
        raise DiffOptError(f"droid-slam: gave poses of shape {poses.shape} for {count} frames, expected {(count, 7)}")
    notes: tuple[str, ...] = ()
    if keyframes < int(out["warmup"]):
        notes = (
            f"{path}: DROID-SLAM found only {keyframes} keyframes, fewer "
            "than it needs to initialise; its cameras are inaccurate",
        )
    R, t, solved = read_pose7(poses, "xyzw", path, "DROID-SLAM's poses", camera_to_world=True)
    return Cameras(path, "droid", "camera to world", R, t, solved, notes=notes), keyframes
