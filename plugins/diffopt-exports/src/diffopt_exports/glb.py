"""``motion.glb``: one binary glTF 2.0 file with mesh, skin, and the animation of 24 joints and the camera.

Joints are nodes 0 to 23, in SMPL's order. The camera looks along -z with y up; its focal length is constant.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pygltflib as gltf
import torch
from diffopt_core.common.npz import atomic
from diffopt_core.data.skeleton import NUM_JOINTS, PARENTS
from diffopt_core.results.saved import Surface
from diffopt_core.types import CameraTrajectory
from torch import Tensor

from .configs import SkinnedOptions, joint_names
from .files import Axes, FileExporter, smooth_quaternions
from .performance import Performance

_COMPONENT = {"float32": gltf.FLOAT, "uint8": gltf.UNSIGNED_BYTE, "uint32": gltf.UNSIGNED_INT}
_SHAPE = {(): gltf.SCALAR, (3,): gltf.VEC3, (4,): gltf.VEC4, (4, 4): gltf.MAT4}


class Buffers:
    """Adds arrays to ``document`` and returns the accessor index of each."""

    def __init__(self, document: gltf.GLTF2):
        self._document = document
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """``array`` (N, ...) of float32, uint8 or uint32. ``bounds``: store minimum and maximum, as glTF requires for
        positions and times."""
        data = np.ascontiguousarray(array)
        least = greatest = None
        if bounds:
            flat = data.reshape(len(data), -1)
            least, greatest = ([float(v) for v in values] for values in (flat.min(0), flat.max(0)))
        raw = data.tobytes()
        self._document.bufferViews.append(
            gltf.BufferView(buffer=0, byteOffset=self._size, byteLength=len(raw), target=target)
        )
        self._document.accessors.append(
            gltf.Accessor(
                bufferView=len(self._document.bufferViews) - 1,
                byteOffset=0,
                componentType=_COMPONENT[data.dtype.name],
                count=len(data),
                type=_SHAPE[data.shape[1:]],
                min=least,
                max=greatest,
            )
        )
        padded = raw + b"\0" * (-len(raw) % 4)
        self._parts.append(padded)
        self._size += len(padded)
        return len(self._document.accessors) - 1

    def vertices(self, array: np.ndarray, bounds: bool = False) -> int:
        return self.add(array, gltf.ARRAY_BUFFER, bounds)

    def corners(self, faces: np.ndarray) -> int:
        return self.add(faces.reshape(-1).astype(np.uint32), gltf.ELEMENT_ARRAY_BUFFER)

    def blob(self) -> bytes:
        return b"".join(self._parts)


NEAR = 0.01


def lens(camera: CameraTrajectory, size: tuple[int, int]) -> tuple[gltf.Camera, dict[str, Any]]:
    """The perspective camera of the median focal length, and notes on what it omits. ``size``: width, height, px."""
    width, height = size
    focal = camera.focal.median(dim=0).values
    spread = camera.focal / focal - 1
    off = camera.centre - camera.centre.new_tensor([width / 2, height / 2])
    perspective = gltf.Perspective(
        yfov=2 * math.atan(height / (2 * float(focal[1]))),
        aspectRatio=width / height * float(focal[1] / focal[0]),
        znear=NEAR,
    )
    left_out = {
        "focal_px": [round(float(v), 4) for v in focal],
        "focal_change_percent": round(100 * float(spread.abs().max()), 4),
        "centre_off_middle_px": [round(float(v), 4) for v in off.abs().max(dim=0).values],
    }
    return gltf.Camera(type="perspective", perspective=perspective, name="camera"), left_out


def placement(camera: CameraTrajectory) -> tuple[Tensor, Tensor]:
    """Rotations (T, 3, 3) and positions (T, 3) of the camera node, converted from OpenCV's axes (y down, z forward)."""
    turn = torch.diag(camera.R.new_tensor([1.0, -1.0, -1.0]))
    return camera.R.mT @ turn, camera.position


#: Joints per vertex: glTF readers must support four.
INFLUENCES = 4


def write_document(performance: Performance, options: SkinnedOptions) -> tuple[bytes, dict[str, Any]]:
    """The file's bytes, and notes on what was omitted or approximated. Raises MissingResource for a mesh that needs a
    file."""
    surface = performance.surface(options.mesh)
    document = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator="diffopt-exports"), scene=0)
    buffers = Buffers(document)
    rest = performance.figure.rest
    for joint, name in enumerate(joint_names(options.names)):
        parent = PARENTS[joint]
        offset = rest[joint] - rest[parent] if parent >= 0 else rest[joint]
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
        document.nodes.append(gltf.Node(name=name, translation=_list(offset), children=children or None))
    dropped = _mesh(document, buffers, surface, rest)
    times = buffers.add((np.arange(performance.num_frames) / performance.fps).astype(np.float32), bounds=True)
    motion = gltf.Animation(name="motion")
    _moves(motion, buffers, times, 0, performance.trans)
    quaternions = smooth_quaternions(performance.pose)
    for joint in range(NUM_JOINTS):
        _turns(motion, buffers, times, joint, quaternions[:, joint])
    document.animations.append(motion)
    roots = [0, NUM_JOINTS]
    told = surface.words(performance.body_model, dropped)
    if options.camera and performance.camera is not None:
        camera, told["camera"] = lens(performance.camera, performance.size)
        document.cameras.append(camera)
        turns, places = placement(performance.camera)
        turned = smooth_quaternions(turns)
        document.nodes.append(
            gltf.Node(name="camera", camera=0, translation=_list(places[0]), rotation=_list(turned[0]))
        )
        roots.append(NUM_JOINTS + 1)
        own = gltf.Animation(name="camera")
        _moves(own, buffers, times, NUM_JOINTS + 1, places)
        _turns(own, buffers, times, NUM_JOINTS + 1, turned)
        document.animations.append(own)
        # readers play only the first animation, so the camera is animated in it as well, from the same data
        for channel in own.channels:
            sampler = own.samplers[channel.sampler]
            _channel(motion, times, NUM_JOINTS + 1, channel.target.path, sampler.output)
    document.scenes.append(gltf.Scene(name=performance.name, nodes=roots, extras=performance.honesty()))
    blob = buffers.blob()
    document.buffers.append(gltf.Buffer(byteLength=len(blob)))
    document.set_binary_blob(blob)
    return b"".join(document.save_to_bytes()), told


def _mesh(document: gltf.GLTF2, buffers: Buffers, surface: Surface, rest: Tensor) -> float:
    """Add mesh, skin and their node, which is a root node as glTF requires; returns the largest dropped weight."""
    joints, weights, dropped = surface.strongest(INFLUENCES)
    attributes = gltf.Attributes(
        POSITION=buffers.vertices(surface.vertices, bounds=True),
        NORMAL=buffers.vertices(surface.normals),
        JOINTS_0=buffers.vertices(joints.astype(np.uint8)),
        WEIGHTS_0=buffers.vertices(weights),
    )
    primitive = gltf.Primitive(attributes=attributes, indices=buffers.corners(surface.faces), material=0)
    document.meshes.append(gltf.Mesh(name="body", primitives=[primitive]))
    skin = gltf.PbrMetallicRoughness(baseColorFactor=[0.62, 0.68, 0.76, 1.0], metallicFactor=0.0, roughnessFactor=0.7)
    document.materials.append(gltf.Material(name="body", pbrMetallicRoughness=skin))
    inverse = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
    inverse[:, 3, :3] = -rest.numpy()  # glTF matrices are column-major
    document.skins.append(
        gltf.Skin(name="skeleton", inverseBindMatrices=buffers.add(inverse), joints=list(range(NUM_JOINTS)), skeleton=0)
    )
    document.nodes.append(gltf.Node(name="mesh", mesh=0, skin=0))
    return dropped


def _moves(animation: gltf.Animation, buffers: Buffers, times: int, node: int, places: Tensor) -> None:
    _channel(animation, times, node, "translation", buffers.add(places.float().numpy()))


def _turns(animation: gltf.Animation, buffers: Buffers, times: int, node: int, quaternions: Tensor) -> None:
    unit = torch.nn.functional.normalize(quaternions, dim=-1)
    _channel(animation, times, node, "rotation", buffers.add(unit.float().numpy()))


def _channel(animation: gltf.Animation, times: int, node: int, path: str, output: int) -> None:
    animation.samplers.append(gltf.AnimationSampler(input=times, output=output, interpolation="LINEAR"))
    target = gltf.AnimationChannelTarget(node=node, path=path)
    animation.channels.append(gltf.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))


def _list(values: Tensor) -> list[float]:
    return [float(v) for v in values.float()]


log = logging.getLogger(__name__)


class GlbExporter(FileExporter[SkinnedOptions]):
    """``motion.glb``."""

    file = "motion.glb"

    def axes(self) -> Axes:
        if self.options.up == "z" or self.options.unit == "cm":
            log.warning("glb: glTF is always Y up and in metres, and readers convert it; written that way")
        return self.usual

    def write(self, path: Path, performance: Performance, axes: Axes) -> dict[str, Any]:
        data, told = write_document(performance, self.options)
        with atomic(path) as file:
            file.write(data)
        return told
