"""Turn your own detector's, regressor's and SLAM's arrays into a case file.

python examples/02_make_a_case.py [CASE.npz]

Every key, its shape and its unit: docs/conventions.md. `write_case` validates them and names any error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from diffopt_motion import write_case

#: COCO-17 keypoints of a person in T-pose, seen from the front: m right and down from the pelvis.
_COCO = [
    *[(0.0, -0.66), (-0.03, -0.69), (0.03, -0.69), (-0.07, -0.66), (0.07, -0.66)],  # nose, eyes, ears
    *[(0.18, -0.47), (-0.18, -0.47), (0.44, -0.46), (-0.44, -0.46), (0.70, -0.46), (-0.70, -0.46)],  # arms
    *[(0.10, 0.08), (-0.10, 0.08), (0.11, 0.46), (-0.11, 0.46), (0.11, 0.86), (-0.11, 0.86)],  # legs
]


def main(path: Path, frames: int = 30) -> dict[str, np.ndarray]:
    """A person standing 4 m in front of a static camera; put your own arrays here."""
    depth, focal, centre = 4.0, 1200.0, np.float32([540, 960])
    pixels = np.float32(_COCO) / depth * focal + centre
    keypoints = np.concatenate([pixels, np.ones((17, 1), np.float32)], axis=1)
    case = {
        "fps": np.array(30.0),
        "image_size": np.array([1080, 1920]),
        # 2D keypoints: x px, y px, confidence in [0, 1]; 0 where the detector saw nothing.
        "keypoints": np.tile(keypoints, (frames, 1, 1)),
        "keypoint_layout": np.array("coco17"),
        # A regressor's body in the camera frame (x right, y down, z forward): half a turn about x makes it upright.
        "init_global_orient": np.tile(np.float32([np.pi, 0, 0]), (frames, 1)),
        "init_body_pose": np.zeros((frames, 23, 3), np.float32),
        "init_betas": np.zeros(10, np.float32),
        # The pelvis joint itself. SMPL's `transl` is this minus the rest-pose pelvis of the same betas.
        "init_transl": np.tile(np.float32([0, 0, depth]), (frames, 1)),
        # SLAM's camera, world to camera; unit and vertical of its world may be unknown.
        "cam_R": np.tile(np.eye(3, dtype=np.float32), (frames, 1, 1)),
        "cam_t": np.zeros((frames, 3), np.float32),
        "cam_focal": np.full((frames, 2), focal, np.float32),
        "cam_centre": np.tile(centre, (frames, 1)),
        "cam_metric": np.array(False),
        "valid": np.ones(frames, bool),
        # Betas need the name of their body model.
        "betas_model": np.array("smpl"),
    }
    print("wrote", *write_case(path, case))
    return case


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/example_02/standing.npz"))
