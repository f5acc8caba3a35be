"""pycolmap on our own tracks: they fill its database, so its feature matcher does not run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ..odometry.model import Array, Model
from ..odometry.odometry import Odometry, all_frames, key_frames
from ..tracks import Tracks
from .library import library, poses, reconstruct

#: Each key frame is matched with key frames up to this far ahead.
_AHEAD = (1, 2, 3, 5, 8, 13, 21, 34)


def map_tracks(
    tracks: Tracks,
    focal: float,
    seed: int = 0,
    mapper: str = "global",
    threads: int = -1,
) -> tuple[Odometry, int] | None:
    """Key frames by pycolmap, all other frames from its points; also the number of registered key frames. None if it
    finds no model.

    Coordinates are scaled to a longest side of 960, for which pycolmap's px thresholds are meant.
    """
    keys = key_frames(tracks)
    few = tracks.at_frames(keys)
    names = [f"{key:06d}.png" for key in keys]
    with tempfile.TemporaryDirectory(prefix="diffopt-colmap-") as folder:
        database = Path(folder) / "database.db"
        pairs = _write(database, Path(folder) / "pairs.txt", few, names, focal)
        if not pairs:
            return None
        longest = int(np.bincount(few.track).max())
        found = reconstruct(database, Path(folder), Path(folder), mapper, 2 * longest, seed, threads)
    if found is None or found.num_points3D() < 6:
        return None
    R, t, posed = poses(found, names)
    X, known = _points(found, few, names)
    model = Model(R, t, posed, X, known)
    return all_frames(tracks, model, keys, focal, None), int(posed.sum())


def _write(database: Path, listed: Path, few: Tracks, names: list[str], focal: float) -> int:
    """Write cameras, images, points and matches of the key frames, verified by pycolmap. Returns the number of
    pairs."""
    pycolmap = library()
    width, height = (round(side / few.unit) for side in few.size)
    centre = np.array(few.size) / 2 / few.unit
    camera = pycolmap.Camera(
        model="SIMPLE_PINHOLE", width=width, height=height, params=[focal / few.unit, *centre], camera_id=1
    )
    camera.has_prior_focal_length = True
    lines = []
    with pycolmap.Database.open(database) as store:
        store.write_camera(camera, use_camera_id=True)
        rig = pycolmap.Rig(rig_id=1)
        rig.add_ref_sensor(camera.sensor_id)
        store.write_rig(rig, use_rig_id=True)
        for k, name in enumerate(names):
            store.write_image(pycolmap.Image(name=name, camera_id=1, image_id=k + 1), use_image_id=True)
            frame = pycolmap.Frame(frame_id=k + 1, rig_id=1)
            frame.add_data_id(pycolmap.data_t(camera.sensor_id, k + 1))
            store.write_frame(frame, use_frame_id=True)
            store.write_keypoints(k + 1, (few.xy[few.start[k] : few.start[k + 1]] / few.unit).astype(np.float32))
        for ahead in _AHEAD:
            for i in range(len(names) - ahead):
                a, b = few.common(i, i + ahead)
                if len(a) >= 20:
                    matches = np.stack([a - few.start[i], b - few.start[i + ahead]], -1).astype(np.uint32)
                    store.write_matches(i + 1, i + ahead + 1, matches)
                    lines.append(f"{names[i]} {names[i + ahead]}")
    if lines:
        listed.write_text("\n".join(lines) + "\n")
        options = pycolmap.TwoViewGeometryOptions()
        options.ransac.max_error, options.ransac.random_seed = 2.0, 0
        options.detect_watermark = False
        pycolmap.verify_matches(database, listed, options=options)
    return len(lines)


def _points(found: Any, few: Tracks, names: list[str]) -> tuple[Array, np.ndarray]:
    """Its 3D points, indexed by our tracks."""
    X, known = np.zeros((few.count, 3)), np.zeros(few.count, bool)
    for point in found.points3D.values():
        element = point.track.elements[0]
        track = few.track[few.start[element.image_id - 1] + element.point2D_idx]
        X[track], known[track] = point.xyz, True
    return X, known
