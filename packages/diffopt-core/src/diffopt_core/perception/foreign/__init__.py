"""External programs, each in its own Python environment.

Tools such as MediaPipe, 4D-Humans or DROID-SLAM need their own package versions. A component ships a script that
imports the tool and nothing of DiffOpt; :func:`run_script` starts it with the interpreter of the environment that the
user named, pipes the frames of the clip in, and returns arrays::

    NEEDS = Needs(name="mytool", packages=("mytool==1.2",), modules=("mytool",), how="pip install mytool==1.2")
    arrays = run_script("uv", NEEDS, Path(__file__).with_name("script.py"), {"threshold": 0.5}, clip.video)

The script::

    from diffopt_frames import fail, frames, job, progress, save
    import mytool

    boxes = []
    for image in frames():                     # RGB uint8 H W 3, upright
        boxes.append(mytool.find(image, job()["threshold"]))
        progress(len(boxes))
    save(boxes=boxes)
"""

from __future__ import annotations

from .interpreter import ENVIRONMENTS, find_interpreter
from .run import run_script
from .uv import Needs

__all__ = ["ENVIRONMENTS", "Needs", "find_interpreter", "run_script"]
