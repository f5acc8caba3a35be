"""Seconds and bytes of a report: a result of this many frames, its page built and written.

python benchmarks/report.py [RESULT] [--frames 100 1000 3000]

Without RESULT the demonstration's walk is its own result, with truth, keypoints and losses of 500 steps in seven terms.
Frames beyond its own come from walking on. Loading torch is not counted.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import torch
from diffopt_core.parts.bodies import anny24
from diffopt_core.parts.datasets.case_file import clip_of, with_truth
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.parts.demo_motion import demo_clip
from diffopt_core.results.saved import posed, read_result
from diffopt_core.types import HumanMotion, Result, Status
from diffopt_lab.report import write_report


def walked(frames: int) -> Result:
    """The walk as its own recovery, its initial placement 20 cm aside."""
    walker = demo_clip(frames=frames)
    case, truth = simulate(walker, seed=0)
    clip = with_truth(clip_of(case, "walk"), truth, Path("walk"))
    assert clip.truth is not None and clip.truth.motion is not None and clip.truth.camera is not None
    pose, trans, betas = clip.truth.motion.pose, clip.truth.motion.trans, torch.zeros(10)
    joints = posed(pose, trans, anny24.load().rest_joints(betas[None])[0])
    motion = HumanMotion(pose, trans, betas, anny24.NAME)
    aside, camera = torch.tensor([0.2, 0.0, 0.0]), clip.truth.camera
    curve = torch.linspace(0, -5, 500).exp().tolist()
    return Result(
        clip=clip, motion=motion, camera=camera, joints=joints, initial=replace(motion, trans=trans + aside),
        initial_camera=camera, initial_joints=joints + aside, status=Status.FINISHED, recipe={},
        log={"guide": {f"term{n}": curve for n in range(7)}}, provenance={}, body_model=anny24.NAME,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("result", type=Path, nargs="?", help="a result folder in place of the walk")
    parser.add_argument("--frames", type=int, nargs="*", default=[100, 1000, 3000])
    asked = parser.parse_args()
    results = [read_result(asked.result, truth=True)] if asked.result else [walked(n) for n in asked.frames]
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'frames':>7} {'seconds':>8} {'bytes':>10} {'per 100 frames':>15}")
    with tempfile.TemporaryDirectory() as folder:
        write_report(results[0], Path(folder) / "first.html")  # imports and the body's file
        for result in results:
            began = time.perf_counter()
            path = write_report(result, Path(folder) / "report.html")
            seconds, size, frames = time.perf_counter() - began, path.stat().st_size, len(result.joints)
            print(f"{frames:7d} {seconds:8.2f} {size:10,d} {100 * size / frames:15,.0f}")


if __name__ == "__main__":
    main()
