"""Plays MediaPipe for tests: people are red rectangles, side by side; one at a time is found, as there.

``STAND_IN_LOG`` names a file that gets a line for each image of a video; ``STAND_IN_DIES`` is the count at which the
process is killed; ``STAND_IN_HOME`` is the folder that the package pretends to be in.
"""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import numpy as np

__version__ = "0.10.21"
__file__ = os.path.join(os.environ.get("STAND_IN_HOME", os.path.dirname(__file__)), "mediapipe.py")
_HEAVY = os.path.join(os.path.dirname(__file__), "modules", "pose_landmark", "pose_landmark_heavy.tflite")


def _people(image):
    """Columns in which red pixels stand, as runs: x0, x1."""
    columns = np.concatenate([[False], ((image[..., 0] > 180) & (image[..., 1] < 90)).sum(0) > 4, [False]])
    edges = np.flatnonzero(np.diff(columns.astype(int)))
    return edges.reshape(-1, 2)


def _landmarks(image, x0, x1):
    rows = np.flatnonzero(((image[:, x0:x1, 0] > 180) & (image[:, x0:x1, 1] < 90)).any(1))
    y0, y1 = rows[0], rows[-1] + 1
    height, width = image.shape[:2]
    share = np.linspace(0.01, 0.99, 33)
    x, y = x0 + share * (x1 - x0), y0 + share[::-1] * (y1 - y0)
    seen = [SimpleNamespace(x=a / width, y=b / height, z=0.0, visibility=0.9) for a, b in zip(x, y, strict=True)]
    metres = 1.7 / (y1 - y0)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    world = [
        SimpleNamespace(x=(a - middle[0]) * metres, y=(b - middle[1]) * metres, z=0.0, visibility=0.9)
        for a, b in zip(x, y, strict=True)
    ]
    mask = np.zeros(image.shape[:2], np.float32)
    mask[y0:y1, x0:x1] = 1
    return SimpleNamespace(
        pose_landmarks=SimpleNamespace(landmark=seen),
        pose_world_landmarks=SimpleNamespace(landmark=world),
        segmentation_mask=mask,
    )


class Pose:
    def __init__(self, static_image_mode, model_complexity, enable_segmentation, **confidence):
        assert model_complexity == (2 if os.path.exists(_HEAVY) else 1) and set(confidence) == {
            "min_detection_confidence",
            "min_tracking_confidence",
        }
        self._still, self._last = static_image_mode, None

    def process(self, image):
        if not self._still:
            self._note()
        people = _people(image)
        if not len(people):
            self._last = None
            return SimpleNamespace(pose_landmarks=None, pose_world_landmarks=None, segmentation_mask=None)
        if self._last is None or self._still:
            x0, x1 = max(people, key=lambda run: run[1] - run[0])
        else:
            x0, x1 = min(people, key=lambda run: abs(run.mean() - self._last))
        self._last = (x0 + x1) / 2
        return _landmarks(image, x0, x1)

    @staticmethod
    def _note():
        log = os.environ.get("STAND_IN_LOG")
        if log:
            with open(log, "a") as file:
                file.write("x\n")
            if os.path.getsize(log) // 2 == int(os.environ.get("STAND_IN_DIES", -1)):
                os.kill(os.getpid(), signal.SIGKILL)

    def close(self):
        pass


solutions = SimpleNamespace(pose=SimpleNamespace(Pose=Pose))
