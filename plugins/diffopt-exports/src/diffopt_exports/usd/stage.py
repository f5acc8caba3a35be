"""The stage in memory. USD's matrices act on rows: the translation is in the last row."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.saved import Surface
from diffopt_core.skeleton import NUM_JOINTS, PARENTS
from pxr import Gf, Sdf, Usd, UsdGeom, UsdSkel, Vt

from ..names import paths
from ..orient import Axes
from ..performance import Performance
from ..quaternions import smooth_quaternions
from ..skinned import SkinnedOptions
from .camera import add_camera

#: Influences a vertex at most. UsdSkel takes any number; eight lose next to nothing.
INFLUENCES = 8


def make_stage(
    performance: Performance, surface: Surface, options: SkinnedOptions, axes: Axes
) -> tuple[Usd.Stage, dict[str, Any]]:
    """The stage, and what was left out or made up."""
    stage = Usd.Stage.CreateInMemory("motion.usda")
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y if axes.up == "y" else UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0 / axes.scale)
    stage.SetTimeCodesPerSecond(performance.fps)
    stage.SetFramesPerSecond(performance.fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(performance.num_frames - 1)
    root = UsdSkel.Root.Define(stage, "/motion")
    stage.SetDefaultPrim(root.GetPrim())
    # names with a colon are no identifiers of USD
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
