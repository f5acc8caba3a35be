"""What the two generations of MediaPipe need of their environment."""

from __future__ import annotations

from diffopt_core.perception.foreign import Needs

#: The last release with models in its wheel. It asks for JAX and NumPy 1, and uses neither for poses: it is installed
#: without its dependencies, and what it does import is listed. protobuf 5 and later break it.
SOLUTIONS = Needs(
    name="mediapipe",
    packages=(
        "numpy>=1.26,<3", "opencv-python-headless>=4.10,<6", "protobuf>=4.25.3,<5", "absl-py>=2", "attrs>=23",
        "flatbuffers>=2", "matplotlib>=3.8",
    ),
    no_deps=("mediapipe==0.10.21",),
    python="3.9-3.12",
    modules=("mediapipe", "google.protobuf", "cv2"),
    how="in a Python 3.9 to 3.12: `pip install mediapipe==0.10.21`",
    size="about 350 MB",
)  # fmt: skip

TASKS = Needs(
    name="mediapipe-tasks",
    packages=("mediapipe>=1.2,<2",),
    python="3.10-3.14",
    modules=("mediapipe",),
    how="`pip install 'mediapipe>=1.2'`",
    size="about 580 MB",
)
