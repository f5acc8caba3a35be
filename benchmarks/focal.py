"""How well the focal length is known, and whether it is as good as it says: simulated rooms and people.

    uv run python benchmarks/focal.py FOLDER [--rooms 200] [--seed 0]

FOLDER holds simulated cases (``case_XX.npz``) with their ``truth`` beside them. ``person``: the first poses of a case,
a simulated regressor's, stand for a detector's 3D landmarks. ``room``: straight lines of a camera in a room, a third to
two thirds of them of no direction, rolled by 8 and pitched by 15 degrees (standard deviations); its focal length is
drawn from what usual lenses have; ``strays``: lines of no direction alone. Prints Markdown: ``off``, median relative
error of the focal length; ``said``, median of the error that is stated; ``1``, ``2``: shares of truths within one and
two of these (68 and 95 % if all is well).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import torch
from diffopt_cameras.focal import ASSUMED, ASSUMED_SPREAD, choose
from diffopt_cameras.lines import Lines
from diffopt_core.common.npz import read_npz
from diffopt_core.data.skeleton import JOINTS, LAYOUTS
from diffopt_core.host import recipe as recipes
from diffopt_core.host.registry import Registry
from diffopt_core.perception import facing
from diffopt_core.perception.perceive import open_clip
from diffopt_core.types import Clip, Observations
from scipy.spatial.transform import Rotation
from torch import Tensor

SIZE = (1920, 1080)


def person(clip: Clip, rest: Tensor) -> Observations:
    """The keypoints, with the first poses' joints as landmarks in the same layout."""
    seen, body = clip.observations, clip.body
    assert seen is not None and body is not None
    joints = facing.joints_of(facing.pose_of(body), rest)
    names = LAYOUTS[seen.layout]
    landmarks = torch.zeros(clip.num_frames, len(names), 4)
    for index, name in enumerate(names):
        if name in JOINTS:
            landmarks[:, index] = torch.cat([joints[:, JOINTS.index(name)], torch.ones(clip.num_frames, 1)], -1)
    return replace(seen, landmarks=landmarks, landmark_layout=seen.layout)


def room(rng: np.random.Generator, focal: float, stray: float, images: int = 6) -> list[Lines]:
    """Segments of a room as a camera sees them."""
    pitch, roll, yaw = np.radians([rng.normal(0, 15), rng.normal(0, 8), rng.uniform(0, 90)])
    R = (Rotation.from_euler("zx", [roll, pitch]) * Rotation.from_euler("y", yaw)).as_matrix()
    count = int(rng.integers(20, 60))
    middle = rng.uniform(-0.5, 0.5, (count, 2)) * SIZE
    kind = rng.choice(3, count, p=[0.4, 0.3, 0.3])
    to = focal * R[:2, kind].T - middle * R[2, kind][:, None]
    angle = np.where(rng.random(count) < stray, rng.uniform(0, np.pi, count), np.arctan2(to[:, 1], to[:, 0]))
    length = rng.uniform(0.05, 0.3, count) * SIZE[0]
    out = []
    for frame in range(images):
        error = np.hypot(0.012, 1.4 / length)
        turned = angle + error * rng.normal(size=count) * 0.7 + rng.normal(0, 0.003, count)
        half = length[:, None] / 2 * np.stack([np.cos(turned), np.sin(turned)], -1)
        out.append(Lines(frame, np.stack([middle - half, middle + half], 1), error))
    return out


def row(name: str, rows: list[tuple[float, float]]) -> str:
    """``rows``: logarithm of the found over the true focal length, and its stated error."""
    off, said = np.abs([r[0] for r in rows]), np.array([r[1] for r in rows])
    within = [f"{(off < k * said).mean():.0%}" for k in (1, 2)]
    return f"| {name} | {len(rows)} | {np.median(off):.1%} | {np.median(said):.1%} | {' | '.join(within)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    ctx = Registry.load().context()
    mean = ctx.build("body", "anny24").rest_joints(torch.zeros(1, 10))[0].float()
    found: dict[str, list[tuple[float, float]]] = {"lenses alone": [], "person": [], "room": [], "strays": []}

    def add(name: str, clip: Clip, seen: Observations, lines: list[Lines], true: float) -> None:
        focal, _ = choose(replace(clip, camera=None, focal=None), seen, lines)
        found[name].append((float(np.log(focal.pixels / true)), float(focal.spread or 0)))

    cases = sorted(args.folder.rglob("case_*.npz"))
    for path in [path for path in cases if path.parent.name != "truth"]:
        clip = open_clip(path, recipes.parse({}), ctx)
        true = float(read_npz(path.parent / "truth" / path.name)["cam_focal"].mean())
        assert clip.observations is not None
        add("lenses alone", clip, clip.observations, [], true)
        add("person", clip, person(clip, clip.rest_joints if clip.rest_joints is not None else mean), [], true)
    rng = np.random.default_rng(args.seed)
    for _ in range(args.rooms):
        true = float(ASSUMED * max(SIZE) * np.exp(ASSUMED_SPREAD * rng.normal()))
        nobody = Observations(torch.zeros(6, 17, 3), "coco17", torch.ones(6, dtype=torch.bool))
        clip = Clip("room", None, 30.0, SIZE, 6)
        add("room", clip, nobody, room(rng, true, rng.uniform(1 / 3, 2 / 3)), true)
        add("strays", clip, nobody, room(rng, true, 1.0), true)
    print("| | | off | said | 1 | 2 |\n|---|---|---|---|---|---|")
    for name, rows in found.items():
        if rows:
            print(row(name, rows))


if __name__ == "__main__":
    main()
