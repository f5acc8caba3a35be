"""Read a result with numpy alone: `motion.npz` states its axes, units and body model. With DiffOpt installed,
`diffopt_motion.load(FOLDER)` gives the whole `Result`.

python examples/03_read_a_result.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main(folder: Path) -> float:
    """Print what is in a result; return how far the person moved, m."""
    with np.load(folder / "motion.npz") as file:
        motion = {key: file[key] for key in file.files}
    for key, value in sorted(motion.items()):
        print(f"{key:18} {value.item() if value.ndim == 0 else value.shape}")
    ground = motion["transl"][:, [0, 2]]
    walked = float(np.linalg.norm(np.diff(ground, axis=0), axis=1).sum())
    # The camera: x_cam = R x_world + t, so it stands at -R^T t.
    camera = -np.einsum("tji,tj->ti", motion["cam_R"], motion["cam_t"])
    run = json.loads((folder / "run.json").read_text())
    print(f"{run['clip']}: {run['status']}; walked {walked:.2f} m; the camera started at {camera[0].round(2)}")
    return walked


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
