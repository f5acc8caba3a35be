"""``motion.usdc``: a stage with a SkelRoot (skeleton, its animation, the skinned mesh) and the camera.

USD matrices multiply row vectors: the translation is in the last row.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.data.skeleton import NUM_JOINTS, PARENTS
from diffopt_core.errors import DiffOptError
from diffopt_core.results.saved import Surface
from diffopt_core.types import CameraTrajectory
from pxr import Gf, Sdf, Tf, Usd, UsdGeom, UsdSkel, Vt

from .configs import SkinnedOptions, paths
from .files import Axes, FileExporter, drafted, smooth_quaternions
from .performance import Performance

#: Width of a 35 mm film, mm.
_WIDTH = 36.0


def add_camera(stage: Usd.Stage, camera: CameraTrajectory, size: tuple[int, int], axes: Axes) -> dict[str, Any]:
    """Define ``/camera`` with a transform and a focal length per frame. ``size``: width, height, px."""
    width, height = size
    prim = UsdGeom.Camera.Define(stage, "/camera")
    places = axes.points(camera.position)
    turn = torch.diag(camera.R.new_tensor([1.0, -1.0, -1.0]))
    rows = (
        axes.matrix @ camera.R.double().mT @ turn.double()
    ).mT.numpy()  # rows: USD multiplies row vectors from the left
    transform = prim.AddTransformOp()
    # apertures and focal length are in tenths of a scene unit
    tenths = axes.scale / 1000 * 10
    prim.CreateHorizontalApertureAttr(_WIDTH * tenths)
    vertical, lens = prim.CreateVerticalApertureAttr(), prim.CreateFocalLengthAttr()
    prim.CreateClippingRangeAttr(Gf.Vec2f(0.01 * axes.scale, 1000.0 * axes.scale))
    focal = camera.focal.double().numpy()
    middle = np.median(focal, axis=0)
    vertical.Set(float(_WIDTH * height / width * middle[0] / middle[1] * tenths))
    for frame in range(len(places)):
        matrix = np.eye(4)
        matrix[:3, :3], matrix[3, :3] = rows[frame], places[frame]
        transform.Set(Gf.Matrix4d(matrix.tolist()), frame)
        lens.Set(float(_WIDTH * focal[frame, 0] / width * tenths), frame)
    off = np.abs(camera.centre.double().numpy() - [width / 2, height / 2]).max(0)
    return {"focal_px": [round(float(v), 4) for v in middle], "centre_off_middle_px": [round(float(v), 4) for v in off]}


#: Most joints per vertex. UsdSkel allows any number; eight lose almost nothing.
INFLUENCES = 8


def make_stage(performance: Performance, options: SkinnedOptions, axes: Axes) -> tuple[Usd.Stage, dict[str, Any]]:
    """The stage, and notes on what was omitted or approximated. Raises MissingResource for a mesh that needs a file."""
    surface = performance.surface(options.mesh)
    stage = Usd.Stage.CreateInMemory("motion.usda")
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y if axes.up == "y" else UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0 / axes.scale)
    stage.SetTimeCodesPerSecond(performance.fps)
    stage.SetFramesPerSecond(performance.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(performance.num_frames - 1)
    said = {key: value if isinstance(value, str) else json.dumps(value) for key, value in performance.honesty().items()}
    stage.GetRootLayer().customLayerData = said
    root = UsdSkel.Root.Define(stage, "/motion")
    stage.SetDefaultPrim(root.GetPrim())
    # names with a colon are not valid USD identifiers
    joints = [path.replace(":", "_") for path in paths(options.names)]
    rest = axes.points(performance.figure.rest)
    skeleton = _skeleton(stage, joints, rest)
    _animation(stage, skeleton, joints, rest, performance, axes)
    dropped = _mesh(stage, skeleton, surface, axes)
    told = surface.words(performance.body_model, dropped)
    if options.camera and performance.camera is not None:
        told["camera"] = add_camera(stage, performance.camera, performance.size, axes)
    return stage, told


def _skeleton(stage: Usd.Stage, joints: list[str], rest: np.ndarray) -> UsdSkel.Skeleton:
    skeleton = UsdSkel.Skeleton.Define(stage, "/motion/skeleton")
    local = [rest[j] - rest[PARENTS[j]] if PARENTS[j] >= 0 else rest[j] for j in range(NUM_JOINTS)]
    skeleton.CreateJointsAttr(joints)
    skeleton.CreateBindTransformsAttr(Vt.Matrix4dArray([_moved(at) for at in rest]))
    skeleton.CreateRestTransformsAttr(Vt.Matrix4dArray([_moved(at) for at in local]))
    return skeleton


def _animation(
    stage: Usd.Stage,
    skeleton: UsdSkel.Skeleton,
    joints: list[str],
    rest: np.ndarray,
    performance: Performance,
    axes: Axes,
) -> None:
    animation = UsdSkel.Animation.Define(stage, "/motion/skeleton/animation")
    animation.CreateJointsAttr(joints)
    animation.CreateScalesAttr(Vt.Vec3hArray(NUM_JOINTS, Gf.Vec3h(1, 1, 1)))
    turns = smooth_quaternions(axes.rotations(performance.pose)).numpy().astype(np.float32)
    parents = np.array([max(parent, 0) for parent in PARENTS])
    moves = np.tile((rest - rest[parents]).astype(np.float32), (performance.num_frames, 1, 1))
    moves[:, 0] = axes.points(performance.trans)
    rotations, translations = animation.CreateRotationsAttr(), animation.CreateTranslationsAttr()
    with Sdf.ChangeBlock():
        for frame in range(performance.num_frames):
            quaternions = [Gf.Quatf(float(w), float(x), float(y), float(z)) for x, y, z, w in turns[frame]]
            rotations.Set(Vt.QuatfArray(quaternions), frame)
            translations.Set(Vt.Vec3fArray.FromNumpy(moves[frame]), frame)
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPrim().GetPath()])


def _mesh(stage: Usd.Stage, skeleton: UsdSkel.Skeleton, surface: Surface, axes: Axes) -> float:
    mesh = UsdGeom.Mesh.Define(stage, "/motion/mesh")
    points = axes.points(_tensor(surface.vertices)).astype(np.float32)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray(len(surface.faces), 3))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(surface.faces.reshape(-1).astype(np.int32)))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateExtentAttr(UsdGeom.PointBased.ComputeExtent(mesh.GetPointsAttr().Get()))
    normals = Axes(axes.up, "m").points(_tensor(surface.normals)).astype(np.float32)
    mesh.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(normals))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateDisplayColorAttr(Vt.Vec3fArray([Gf.Vec3f(0.62, 0.68, 0.76)]))
    joints, weights, dropped = surface.strongest(INFLUENCES)
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    indices = binding.CreateJointIndicesPrimvar(False, INFLUENCES)
    indices.Set(Vt.IntArray.FromNumpy(joints.reshape(-1).astype(np.int32)))
    binding.CreateJointWeightsPrimvar(False, INFLUENCES).Set(Vt.FloatArray.FromNumpy(weights.reshape(-1)))
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1.0))
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPrim().GetPath()])
    return dropped


def _moved(at: np.ndarray) -> Gf.Matrix4d:
    return Gf.Matrix4d(1.0).SetTranslate(Gf.Vec3d(*map(float, at)))


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


class UsdExporter(FileExporter[SkinnedOptions]):
    """``motion.usdc``."""

    file = "motion.usdc"

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        stage, told = make_stage(performance, self.options, axes)
        with drafted(path) as part:
            try:
                written = stage.GetRootLayer().Export(str(part))
            except Tf.ErrorException as error:
                reason = str(error).strip().splitlines()[-1]
                raise DiffOptError(f"{path.parent}: cannot write {path.name}: {reason}") from None
            if not written:
                raise DiffOptError(f"{path.parent}: cannot write {path.name}")
        return told
