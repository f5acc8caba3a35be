"""DROID-SLAM's reconstruction: keyframes only, WORLD TO CAMERA, the opposite of what ``terminate()`` returns.

One file (``torch.save``) or, from older versions, a folder of ``.npy``: ``tstamps`` (K): number of the image among
those it was shown; ``poses`` (K 7): tx ty tz qx qy qz qw; ``intrinsics`` (K 4): fx fy cx cy of the resized image
divided by 8; ``images`` (K 3 H W), ``disps``. Source: princeton-vl/DROID-SLAM demo.py, droid_slam/depth_video.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import BadInput

from ..fields import take
from ..poses import read_pose7
from ..resize import droid_size
from ..saved import SavedCameras

#: The encoder of DROID-SLAM works at an eighth of the image's resolution, and its intrinsics are kept for that.
SHARE = 8.0


def load_folder(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a reconstruction folder (the images are only measured). Raises BadInput."""
    arrays: dict[str, np.ndarray] = {}
    for key in ("tstamps", "poses", "intrinsics"):
        path = folder / f"{key}.npy"
        try:
            arrays[key] = np.load(path, allow_pickle=False)
        except FileNotFoundError:
            raise BadInput(folder, key, f"{path.name} is missing") from None
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(path, key, f"cannot be read ({error})") from None
    return arrays


def read(content: Any, path: Path, quaternion: str, size: tuple[int, int]) -> SavedCameras:
    """``size``: width, height of the clip's images. Raises BadInput naming file and key."""
    poses = take(content, path, "poses", None, 7)
    stamps = take(content, path, "tstamps", len(poses))
    R, t, solved = read_pose7(poses, quaternion, path, "poses", camera_to_world=False)
    intrinsics = SHARE * take(content, path, "intrinsics", len(poses), 4)
    resized = droid_size(size)
    images = np.shape(content["images"]) if "images" in content else None
    if images and tuple(images[-2:]) != (resized[1] // 8 * 8, resized[0] // 8 * 8):
        raise BadInput(
            path, "images",
            f"are {images[-1]} x {images[-2]}; DROID-SLAM makes {resized[0] // 8 * 8} x {resized[1] // 8 * 8} of this "
            f"video's {size[0]} x {size[1]}: another video, or one that was cropped or turned",
        )  # fmt: skip
    return SavedCameras(
        path, "droid-reconstruction", "world to camera", R, t, solved, numbers=stamps, keyframes=True,
        focal=intrinsics[:, :2], centre=intrinsics[:, 2:], size=resized, intrinsics_key="intrinsics",
    )  # fmt: skip
