"""Import pycolmap and run its mappers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from diffopt_core.errors import MissingResource

from ..wahba import Array

_log = logging.getLogger(__name__)
#: After these the incremental mapper stops with what it has.
_MINUTES = 20


def library() -> Any:
    """The pycolmap module. Raises MissingResource with the install command."""
    try:
        import pycolmap
    except ImportError as error:
        raise MissingResource(
            "camera colmap needs pycolmap, which is not installed: pip install 'pycolmap>=4.0' "
            f"(or pip install 'diffopt-cameras[colmap]'); --camera auto does not need it ({error})"
        ) from error
    pycolmap.logging.minloglevel = 3  # it logs to the terminal directly, not through our logger
    return pycolmap


def reconstruct(
    database: Path,
    images: Path,
    out: Path,
    mapper: str,
    longest_track: int,
    seed: int,
    threads: int,
) -> Any | None:
    """The largest reconstruction, or None."""
    pycolmap = library()
    pycolmap.set_random_seed(seed)
    if mapper == "global":
        options = pycolmap.GlobalPipelineOptions()
        options.random_seed, options.num_threads = seed, threads
        options.mapper.bundle_adjustment.refine_focal_length = False  # unreliable on short shots that follow a person
        options.mapper.bundle_adjustment.refine_extra_params = False
        options.mapper.track_max_num_views_per_track = max(100, longest_track)
        found = pycolmap.global_mapping(database, images, out, options=options)
    else:
        options = pycolmap.IncrementalPipelineOptions()
        options.multiple_models, options.random_seed, options.num_threads = False, seed, threads
        options.extract_colors, options.max_runtime_seconds = False, 60 * _MINUTES
        options.ba_refine_focal_length, options.ba_refine_extra_params = False, False
        # a camera that follows a person does not reach the default initial angle
        options.mapper.init_min_tri_angle = 4.0
        found = pycolmap.incremental_mapping(database, images, out, options=options)
    if not found:
        return None
    return max(found.values(), key=lambda item: item.num_reg_images())


def poses(reconstruction: Any, names: list[str]) -> tuple[Array, Array, np.ndarray]:
    """``R`` [C 3 3], ``t`` [C 3], world to camera, and a mask of the images that have a pose."""
    R, t = np.broadcast_to(np.eye(3), (len(names), 3, 3)).copy(), np.zeros((len(names), 3))
    posed = np.zeros(len(names), bool)
    place = {name: k for k, name in enumerate(names)}
    for image in reconstruction.images.values():
        if not image.has_pose:
            continue
        k, pose = place[image.name], image.cam_from_world()
        R[k], t[k], posed[k] = pose.rotation.matrix(), pose.translation, True
    return R, t, posed
