"""Samples of the motion diffusion prior, written as files that the other commands read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from diffopt_core.datasets.npz import write_npz
from diffopt_core.errors import DiffOptError
from diffopt_core.rotation import matrix_to_axis_angle
from diffopt_core.skeleton import JOINTS, PARENTS

from diffopt_priors.mdm import weights
from diffopt_priors.mdm.features import kinematics
from diffopt_priors.report.recover import recover_motion
from diffopt_priors.report.sheet import draw
from diffopt_priors.report.show import write_json
from diffopt_priors.train.mdm import quality


def draw_samples(name: str, out: Path, count: int, frames: int | None, seed: int, steps: int) -> list[Path]:
    """Write ``samples.npz`` (motion shard), ``skeleton.json``, ``samples.json`` (figures, terms), ``samples.png``."""
    path = weights.resolve(name)
    denoiser, card = weights.load(path)
    if card.get("features") == "humanml3d":
        raise DiffOptError(
            f"--set weights={name}: published weights of the official code hold HumanML3D features, of which rotations "
            "cannot be read; sample from embedded weights"
        )
    longest, fps = int(card["window"]), float(card["fps"])
    frames = frames or longest
    if frames > longest:
        raise DiffOptError(f"--frames {frames}: these weights were trained on windows of up to {longest} frames")
    features = quality.sample(denoiser, count, frames, steps, seed)
    pose, trans = recover_motion(features, denoiser.offsets)
    names = [f"sample_{seed}_{k:03d}" for k in range(count)]
    terms = " ".join(str(text) for text in card.get("terms", []))
    shard = {
        "poses": matrix_to_axis_angle(pose).flatten(0, 1).numpy().astype(np.float32),
        "trans": trans.flatten(0, 1).numpy().astype(np.float32),
        "starts": np.arange(count + 1) * frames,
        "names": np.array(names),
        "subjects": np.array(["sample"] * count),
        "flat_ground": np.ones(count, bool),
        "fps": np.array(fps),
        "terms": np.array(terms),
    }
    write_npz(out / "samples.npz", shard)
    offsets = [[round(v, 6) for v in row] for row in denoiser.offsets.tolist()]
    write_json(out / "skeleton.json", {"joints": JOINTS, "parents": PARENTS, "offsets": offsets})
    about = {"weights": path.name, "step": card.get("step"), "seed": seed, "steps": steps, "frames": frames, "fps": fps}
    about |= {"samples": quality.statistics(features, fps), "terms": card.get("terms", [])}
    write_json(out / "samples.json", about)
    joints = kinematics(pose, trans, denoiser.offsets).numpy()
    title = f"{count} samples of {path.name}, {frames} frames at {fps:g} fps, seed {seed}"
    draw(out / "samples.png", joints, fps, title)
    return [out / f for f in ("samples.npz", "skeleton.json", "samples.json", "samples.png")]
