"""pycolmap on the images: SIFT features, matched between images close in time, people masked out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from diffopt_core.common.progress import track as progress
from diffopt_core.perception.video import read_frames
from diffopt_core.types import Clip, Observations
from numpy.typing import NDArray

from ..configs import ColmapConfig
from ..tracks.mask import PersonMask, black_border, coarse_shape
from ..wahba import Array
from .library import library, poses, reconstruct


@dataclass(frozen=True)
class Mapped:
    """``R`` [T 3 3], ``t`` [T 3] of the frames with ``solved`` [T]. ``images``: how many were used; ``registered``: how
    many of them got a pose. ``residual``: reprojection error, px of the images used."""

    R: Array
    t: Array
    solved: NDArray[np.bool_]
    images: int
    registered: int
    points: int
    residual: float


def map_images(clip: Clip, observations: Observations, config: ColmapConfig, focal: float, seed: int) -> Mapped | None:
    """Structure from motion on up to ``at_most`` frames; None if it finds no model."""
    assert clip.video is not None
    pycolmap = library()
    chosen = np.unique(np.linspace(0, clip.num_frames - 1, min(config.at_most, clip.num_frames)).astype(int))
    names = [f"{number:06d}.png" for number in chosen]
    with tempfile.TemporaryDirectory(prefix="diffopt-colmap-") as folder:
        root = Path(folder)
        (root / "images").mkdir()
        (root / "masks").mkdir()
        share = _write(clip, observations, chosen, root, config.longest)
        database = root / "database.db"
        reader = pycolmap.ImageReaderOptions()
        reader.mask_path, reader.camera_model = root / "masks", "SIMPLE_PINHOLE"
        middle = np.array(clip.size) * share / 2
        reader.camera_params = ",".join(str(value) for value in (focal * share, *middle))
        features = pycolmap.FeatureExtractionOptions()
        features.use_gpu, features.num_threads = False, config.threads
        features.sift.max_num_features = config.sift_features
        with progress("camera: colmap features"):
            pycolmap.extract_features(
                database, root / "images", camera_mode=pycolmap.CameraMode.SINGLE, reader_options=reader,
                extraction_options=features, device=pycolmap.Device.cpu,
            )  # fmt: skip
        matching = pycolmap.FeatureMatchingOptions()
        matching.use_gpu, matching.num_threads = False, config.threads
        pairing = pycolmap.SequentialPairingOptions()
        pairing.overlap, pairing.loop_detection = config.overlap, False
        with progress("camera: colmap matching"):
            pycolmap.match_sequential(
                database, matching_options=matching, pairing_options=pairing, device=pycolmap.Device.cpu
            )
        with progress("camera: colmap mapping"):
            mapper = "incremental" if config.mapper == "auto" else config.mapper
            found = reconstruct(
                database, root / "images", root, mapper, len(names), seed, config.threads,
            )  # fmt: skip
    if found is None:
        return None
    R, t, posed = poses(found, names)
    return Mapped(
        *_spread(R, t, posed, chosen, clip.num_frames),
        images=len(names),
        registered=int(posed.sum()),
        points=found.num_points3D(),
        residual=float(found.compute_mean_reprojection_error()),
    )


def _write(clip: Clip, observations: Observations, chosen: np.ndarray, root: Path, longest: int) -> float:
    """Write images and masks (0 = ignored; named ``NAME.png.png``, as pycolmap requires). Returns the image scale."""
    assert clip.video is not None
    people, wanted, share = PersonMask(observations, clip.size), set(chosen.tolist()), 1.0
    with progress("camera: colmap images", clip.num_frames) as update:
        for number, image in enumerate(read_frames(clip.video, longest)):
            update(number + 1)
            if number not in wanted:
                continue
            height, width = image.shape[:2]
            share = width / clip.size[0]
            grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
            barred = np.maximum(people(number, coarse_shape((height, width))), black_border(grey))
            mask = cv2.resize((1 - barred) * 255, (width, height), interpolation=cv2.INTER_NEAREST)
            cv2.imwrite(str(root / "images" / f"{number:06d}.png"), grey)
            cv2.imwrite(str(root / "masks" / f"{number:06d}.png.png"), mask)
    return share


def _spread(R: Array, t: Array, posed: np.ndarray, chosen: np.ndarray, frames: int) -> tuple[Array, Array, np.ndarray]:
    """Poses of the chosen frames, placed among all frames."""
    every_R, every_t = np.broadcast_to(np.eye(3), (frames, 3, 3)).copy(), np.zeros((frames, 3))
    solved = np.zeros(frames, bool)
    every_R[chosen], every_t[chosen], solved[chosen] = R, t, posed
    return every_R, every_t, solved
