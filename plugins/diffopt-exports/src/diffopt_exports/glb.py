"""``motion.glb``: one binary glTF 2.0 file with mesh, skin, the animation of 24 joints and of the camera.

Joints are nodes 0 to 23, in SMPL's order. The camera looks along -z with y up, and its lens does not change.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffopt_core.common.npz import atomic
from diffopt_core.data.skeleton import NUM_JOINTS, PARENTS
from diffopt_core.interfaces import BuildContext
from diffopt_core.results.saved import Surface
from diffopt_core.types import CameraTrajectory, Result
from pygltflib import (
    ARRAY_BUFFER,
    ELEMENT_ARRAY_BUFFER,
    FLOAT,
    GLTF2,
    MAT4,
    SCALAR,
    UNSIGNED_BYTE,
    UNSIGNED_INT,
    VEC3,
    VEC4,
    Accessor,
    Animation,
    AnimationChannel,
    AnimationChannelTarget,
    AnimationSampler,
    Asset,
    Attributes,
    Buffer,
    BufferView,
    Camera,
    Material,
    Mesh,
    Node,
    PbrMetallicRoughness,
    Perspective,
    Primitive,
    Scene,
    Skin,
)
from torch import Tensor

from .configs import SkinnedOptions, surface_of
from .files import write_beside
from .options import joint_names
from .performance import Performance, perform
from .words import Axes, describe, smooth_quaternions

_COMPONENT = {"float32": FLOAT, "uint8": UNSIGNED_BYTE, "uint32": UNSIGNED_INT}
_SHAPE = {(): SCALAR, (3,): VEC3, (4,): VEC4, (4, 4): MAT4}


class Buffers:
    """Adds arrays to ``gltf`` and gives the number of each one's accessor."""

    def __init__(self, gltf: GLTF2):
        self._gltf = gltf
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """``array`` (N, ...) of float32, uint8 or uint32. ``bounds``: say the least and the greatest values, as glTF
        wants for positions and times."""
        data = np.ascontiguousarray(array)
        least = greatest = None
        if bounds:
            flat = data.reshape(len(data), -1)
            least, greatest = ([float(v) for v in values] for values in (flat.min(0), flat.max(0)))
        raw = data.tobytes()
        self._gltf.bufferViews.append(BufferView(buffer=0, byteOffset=self._size, byteLength=len(raw), target=target))
        self._gltf.accessors.append(
            Accessor(
                bufferView=len(self._gltf.bufferViews) - 1,
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
        return len(self._gltf.accessors) - 1

    def vertices(self, array: np.ndarray, bounds: bool = False) -> int:
        return self.add(array, ARRAY_BUFFER, bounds)

    def corners(self, faces: np.ndarray) -> int:
        return self.add(faces.reshape(-1).astype(np.uint32), ELEMENT_ARRAY_BUFFER)

    def blob(self) -> bytes:
        return b"".join(self._parts)


NEAR = 0.01


def lens(camera: CameraTrajectory, size: tuple[int, int]) -> tuple[Camera, dict[str, Any]]:
    """The perspective of the median focal length, and what it leaves out. ``size``: width, height, px."""
    width, height = size
    focal = camera.focal.median(dim=0).values
    spread = camera.focal / focal - 1
    off = camera.centre - camera.centre.new_tensor([width / 2, height / 2])
    perspective = Perspective(
        yfov=2 * math.atan(height / (2 * float(focal[1]))),
        aspectRatio=width / height * float(focal[1] / focal[0]),
        znear=NEAR,
    )
    left_out = {
        "focal_px": [round(float(v), 4) for v in focal],
        "focal_change_percent": round(100 * float(spread.abs().max()), 4),
        "centre_off_middle_px": [round(float(v), 4) for v in off.abs().max(dim=0).values],
    }
    return Camera(type="perspective", perspective=perspective, name="camera"), left_out


def placement(camera: CameraTrajectory) -> tuple[Tensor, Tensor]:
    """Rotations (T, 3, 3) and places (T, 3) of the camera's node: from OpenCV's axes (y down, z forward)."""
    turn = torch.diag(camera.R.new_tensor([1.0, -1.0, -1.0]))
    return camera.R.mT @ turn, camera.position


#: Influences a vertex: glTF readers must know four.
INFLUENCES = 4


def write_document(performance: Performance, surface: Surface, options: SkinnedOptions) -> tuple[bytes, dict[str, Any]]:
    """The file's bytes, and what was left out or made up."""
    gltf = GLTF2(asset=Asset(version="2.0", generator="diffopt-exports"), scene=0)
    buffers = Buffers(gltf)
    rest = performance.figure.rest
    for joint, name in enumerate(joint_names(options.names)):
        parent = PARENTS[joint]
        offset = rest[joint] - rest[parent] if parent >= 0 else rest[joint]
        children = [child for child in range(NUM_JOINTS) if PARENTS[child] == joint]
        gltf.nodes.append(Node(name=name, translation=_list(offset), children=children or None))
    dropped = _mesh(gltf, buffers, surface, rest)
    times = buffers.add((np.arange(performance.num_frames) / performance.fps).astype(np.float32), bounds=True)
    motion = Animation(name="motion")
    _moves(motion, buffers, times, 0, performance.trans)
    quaternions = smooth_quaternions(performance.pose)
    for joint in range(NUM_JOINTS):
        _turns(motion, buffers, times, joint, quaternions[:, joint])
    gltf.animations.append(motion)
    roots = [0, NUM_JOINTS]
    told = surface.words(performance.body_model, dropped)
    if options.camera and performance.camera is not None:
        camera, told["camera"] = lens(performance.camera, performance.size)
        gltf.cameras.append(camera)
        turns, places = placement(performance.camera)
        turned = smooth_quaternions(turns)
        gltf.nodes.append(Node(name="camera", camera=0, translation=_list(places[0]), rotation=_list(turned[0])))
        roots.append(NUM_JOINTS + 1)
        own = Animation(name="camera")
        _moves(own, buffers, times, NUM_JOINTS + 1, places)
        _turns(own, buffers, times, NUM_JOINTS + 1, turned)
        gltf.animations.append(own)
        # readers play the first animation alone: the camera moves in it, too, from the same numbers
        for channel in own.channels:
            sampler = own.samplers[channel.sampler]
            _channel(motion, times, NUM_JOINTS + 1, channel.target.path, sampler.output)
    gltf.scenes.append(Scene(name=performance.name, nodes=roots))
    blob = buffers.blob()
    gltf.buffers.append(Buffer(byteLength=len(blob)))
    gltf.set_binary_blob(blob)
    return b"".join(gltf.save_to_bytes()), told


def _mesh(gltf: GLTF2, buffers: Buffers, surface: Surface, rest: Tensor) -> float:
    """Add mesh, skin and their node, which stands at the root as glTF wants; returns the largest dropped weight."""
    joints, weights, dropped = surface.strongest(INFLUENCES)
    attributes = Attributes(
        POSITION=buffers.vertices(surface.vertices, bounds=True),
        NORMAL=buffers.vertices(surface.normals),
        JOINTS_0=buffers.vertices(joints.astype(np.uint8)),
        WEIGHTS_0=buffers.vertices(weights),
    )
    primitive = Primitive(attributes=attributes, indices=buffers.corners(surface.faces), material=0)
    gltf.meshes.append(Mesh(name="body", primitives=[primitive]))
    skin = PbrMetallicRoughness(baseColorFactor=[0.62, 0.68, 0.76, 1.0], metallicFactor=0.0, roughnessFactor=0.7)
    gltf.materials.append(Material(name="body", pbrMetallicRoughness=skin))
    inverse = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
    inverse[:, 3, :3] = -rest.numpy()  # glTF stores matrices by columns
    gltf.skins.append(
        Skin(name="skeleton", inverseBindMatrices=buffers.add(inverse), joints=list(range(NUM_JOINTS)), skeleton=0)
    )
    gltf.nodes.append(Node(name="mesh", mesh=0, skin=0))
    return dropped


def _moves(animation: Animation, buffers: Buffers, times: int, node: int, places: Tensor) -> None:
    _channel(animation, times, node, "translation", buffers.add(places.float().numpy()))


def _turns(animation: Animation, buffers: Buffers, times: int, node: int, quaternions: Tensor) -> None:
    unit = torch.nn.functional.normalize(quaternions, dim=-1)
    _channel(animation, times, node, "rotation", buffers.add(unit.float().numpy()))


def _channel(animation: Animation, times: int, node: int, path: str, output: int) -> None:
    animation.samplers.append(AnimationSampler(input=times, output=output, interpolation="LINEAR"))
    target = AnimationChannelTarget(node=node, path=path)
    animation.channels.append(AnimationChannel(sampler=len(animation.samplers) - 1, target=target))


def _list(values: Tensor) -> list[float]:
    return [float(v) for v in values.float()]


log = logging.getLogger(__name__)


class GlbExporter:
    """Implements :class:`diffopt_core.interfaces.Exporter`."""

    def __init__(self, options: SkinnedOptions, ctx: BuildContext | None = None):
        self._options = options

    def export(self, result: Result, folder: Path) -> list[Path]:
        """Write ``motion.glb`` and ``motion.glb.json``; raises DiffOptError naming a folder that cannot be written."""
        options = self._options
        if options.up == "z" or options.unit == "cm":
            log.warning("glb: glTF is Y up and in metres, and readers turn and scale it themselves; written so")
        performance = perform(result, options)
        surface = surface_of(performance, options)
        data, told = write_document(performance, surface, options)
        path = folder / "motion.glb"
        with atomic(path) as file:
            file.write(data)
        words: dict[str, Any] = dict(describe(performance, options, Axes(), **told))
        return [path, write_beside(path, words)]
