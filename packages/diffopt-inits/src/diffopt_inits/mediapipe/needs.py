"""Requirements of the two MediaPipe backends on their environment."""

from __future__ import annotations

from diffopt_core.perception.foreign import Needs

#: The last release with models in its wheel. It requires JAX and NumPy 1, but uses neither for poses, so it is
#: installed without its dependencies, and the packages it does import are listed. It does not work with protobuf 5 and
#: later.
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
