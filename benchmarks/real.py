"""Real videos with a measured truth, from their pixels: errors of each view before and after the solve.

    uv run python benchmarks/real.py FOLDER [--views beam_static,two_cam04] [--set detector.complexity=2]
    uv run python benchmarks/real.py FOLDER --results runs/real
    uv run python benchmarks/real.py FOLDER --view side=side.mp4,beam.truth3d.npz,cam03

FOLDER holds the videos and truths of ``VIEWS``; ``--view NAME=VIDEO,TRUTH,CAMERA`` measures others. A truth holds
``joints (T,24,3)`` in SMPL's order in metres, Z up, and cameras: ``CAMERA_R, CAMERA_C``, or ``cam_R, cam_C`` by
``camera_names``; of several people ``PERSON_joints`` (CAMERA is then the person, and ``cam_R, cam_C`` the camera).
``--results`` scores finished results, a folder for each view; else each view is solved as ``diffopt run`` does, with
every other option as ``--set``. Prints Markdown. Millimetres over 12 limb joints (shoulders, elbows, wrists, hips,
knees, ankles), mean over the frames:

``PA`` after a similarity in each frame; ``hip`` with the middles of the hips together, as each camera sees its body;
``rigid`` after one rigid motion of the clip; ``W`` after the similarity that fits the first two frames; ``up`` angle
between the estimated and the true vertical in the camera, degrees; ``path`` length of the pelvis's path over the true
one, at 6 Hz; ``size`` length of arms and legs over the true one. ``landmarks``: the detector's 3D points by
themselves, against its own idea of the joints.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import diffopt_core  # noqa: F401  (before torch: it keeps idle threads from spinning)
import numpy as np
import torch
from diffopt_core.data.geometry import align, transform, world_to_camera
from diffopt_core.data.skeleton import BLAZEPOSE33, JOINT
from diffopt_core.host.recipe import setting
from diffopt_core.results.recover import load, recover
from diffopt_core.types import CameraTrajectory, Result
from torch import Tensor

#: View -> video, truth, camera (or person).
VIEWS = {
    "beam_static": ("beam_static.mp4", "beam.truth3d.npz", "static"),
    "beam_pan": ("beam_pan.mp4", "beam.truth3d.npz", "pan"),
    "two_cam04": ("two_cam04.mp4", "two_cam04.truth3d.npz", "man"),
}
_SIDED = [
    f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
LIMBS, POINTS = [JOINT[name] for name in _SIDED], [BLAZEPOSE33.index(name) for name in _SIDED]
HIPS = [_SIDED.index("left_hip"), _SIDED.index("right_hip")]
BONES = [(i, i + 2) for i in (0, 1, 2, 3, 6, 7, 8, 9)]
MEASURES = ("PA", "hip", "rigid", "W", "up", "path", "size")
#: Rate at which the length of a path is measured, Hz.
COARSE = 6.0


@dataclass(frozen=True)
class Measured:
    """The truth of a view, m: ``joints`` T 24 3, the detector's ``points`` T 33 3, camera ``R`` T 3 3 and ``C`` T 3."""

    joints: Tensor
    points: Tensor
    R: Tensor
    C: Tensor

    def seen(self, points: Tensor) -> Tensor:
        """World points in the camera's frame."""
        return world_to_camera(points, self.R, -(self.R @ self.C[..., None])[..., 0])


def measured(path: Path, camera: str) -> Measured:
    """Read a truth file."""
    with np.load(path, allow_pickle=False) as data:
        arrays = {key: np.asarray(data[key], float) for key in data.files if data[key].dtype.kind in "fi"}
        names = [str(name) for name in data["camera_names"]] if "camera_names" in data.files else []
    who = f"{camera}_" if f"{camera}_joints" in arrays else ""
    row = names.index(camera) if camera in names else 0
    if f"{camera}_R" in arrays:
        R, C = arrays[f"{camera}_R"], arrays[f"{camera}_C"]
    else:
        head = f"{who}cam" if f"{who}cam_R" in arrays else "cam"
        R, C = arrays[f"{head}_R"][row], arrays[f"{head}_C"][row]
    joints = torch.from_numpy(arrays[f"{who}joints"])
    count = len(joints)
    return Measured(
        joints,
        torch.from_numpy(arrays[f"{who}blazepose33_points"]),
        torch.from_numpy(np.broadcast_to(R, (count, 3, 3)).copy()),
        torch.from_numpy(np.broadcast_to(C, (count, 3)).copy()),
    )


def millimetres(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm(dim=-1).mean() * 1000)


def about_hips(points: Tensor) -> Tensor:
    return points - points[:, HIPS].mean(1, keepdim=True)


def fitted(source: Tensor, target: Tensor, scale: bool, frames: int | None = None) -> Tensor:
    """``source`` moved by the one motion that fits its first ``frames`` to the target."""
    found = align(source[:frames].reshape(-1, 3), target[:frames].reshape(-1, 3), scale=scale)
    return transform(source.reshape(-1, 3), *found).reshape(source.shape)


def errors(joints: Tensor, camera: CameraTrajectory, fps: float, truth: Measured) -> dict[str, float]:
    """All measures of one estimate (``joints`` T 24 3, world, Y up)."""
    joints, R, t = joints.double(), camera.R.double(), camera.t.double()
    mine, true = joints[:, LIMBS], truth.joints[:, LIMBS]
    step = max(1, round(fps / COARSE))
    path = [float(x[::step, 0].diff(dim=0).norm(dim=-1).sum()) for x in (joints, truth.joints)]
    bones = [torch.stack([(x[:, a] - x[:, b]).norm(dim=-1) for a, b in BONES]).mean().item() for x in (mine, true)]
    cosine = (R[:, :, 1] * truth.R[:, :, 2]).sum(-1).clamp(-1, 1)
    return {
        "PA": millimetres(transform(mine, *align(mine, true, scale=True)), true),
        "hip": millimetres(about_hips(world_to_camera(mine, R, t)), about_hips(truth.seen(true))),
        "rigid": millimetres(fitted(mine, true, False), true),
        "W": millimetres(fitted(mine, true, True, 2), true),
        "up": float(cosine.arccos().rad2deg().mean()),
        "path": path[0] / max(path[1], 1e-9),
        "size": bones[0] / bones[1],
    }


def alone(result: Result, truth: Measured) -> dict[str, float]:
    """Errors of the detector's 3D landmarks."""
    seen = result.clip.observations
    if seen is None or seen.landmarks is None or seen.landmark_layout != "blazepose33":
        return {}
    mine, true = seen.landmarks[:, POINTS, :3].double(), truth.seen(truth.points[:, POINTS])
    aligned = millimetres(transform(mine, *align(mine, true, scale=True)), true)
    return {"PA": aligned, "hip": millimetres(about_hips(mine), about_hips(true))}


def row(name: str, what: str, values: dict[str, float]) -> str:
    shown = (
        f"{values[key]:.2f}" if key in ("path", "size") else f"{values[key]:.1f}" for key in MEASURES if key in values
    )
    return f"| {name} | {what} | {' | '.join(shown)}{' |' * (1 + len(MEASURES) - len(values))}"


def worst(key: str, values: list[float]) -> float:
    """The largest error; of a ratio the one that is furthest from 1."""
    return max(values, key=(lambda v: abs(np.log(v))) if key in ("path", "size") else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--views", help="names; default: all whose files are there")
    parser.add_argument("--view", action="append", default=[], metavar="NAME=VIDEO,TRUTH,CAMERA")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE")
    parser.add_argument("--recipe")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/real"))
    args = parser.parse_args()
    own = {name: tuple(of.split(",")) for name, of in (text.split("=", 1) for text in args.view)}
    views = own or {name: of for name, of in VIEWS.items() if (args.folder / of[0]).exists()}
    if args.views:
        views = {name: views[name] for name in args.views.split(",")}
    print(
        f"torch {torch.__version__}, cpu, seed 0\n\n| view | | {' | '.join(MEASURES)} |\n|---|---|"
        + "---|" * len(MEASURES)
    )
    final: list[dict[str, float]] = []
    for name, (video, path, camera) in views.items():
        if args.results:
            result = load(args.results / name)
        else:
            settings = dict(setting(text) for text in args.settings)
            result = recover(
                args.folder / video, args.recipe, settings=settings, out=args.out / name, device="cpu", overwrite=True
            )
        truth = measured(args.folder / path, camera)
        if len(truth.joints) != result.clip.num_frames:
            raise SystemExit(f"{name}: {result.clip.num_frames} frames, its truth has {len(truth.joints)}")
        if values := alone(result, truth):
            print(row(name, "landmarks", values))
        print(row(name, "before", errors(result.initial_joints, result.initial_camera, result.clip.fps, truth)))
        final.append(errors(result.joints, result.camera, result.clip.fps, truth))
        print(row(name, "after", final[-1]), flush=True)
    for what, of in (("mean", lambda _, v: np.mean(v)), ("median", lambda _, v: np.median(v)), ("worst", worst)):
        print(row(f"{len(final)} views", f"after, {what}", {k: of(k, [one[k] for one in final]) for k in MEASURES}))


if __name__ == "__main__":
    main()
