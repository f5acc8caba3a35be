"""The glTF document: nodes, skin, mesh, animations. Joints are nodes 0 to 23, in SMPL's order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffopt_core.saved import Surface
from diffopt_core.skeleton import NUM_JOINTS, PARENTS
from pygltflib import (
    GLTF2,
    Animation,
    AnimationChannel,
    AnimationChannelTarget,
    AnimationSampler,
    Asset,
    Attributes,
    Buffer,
    Material,
    Mesh,
    Node,
    PbrMetallicRoughness,
    Primitive,
    Scene,
    Skin,
)
from torch import Tensor

from ..names import joint_names
from ..performance import Performance
from ..quaternions import smooth_quaternions
from ..skinned import SkinnedOptions
from .buffers import Buffers
from .camera import lens, placement

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
