"""A little glTF evaluator, written against the standard and not against our writer."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_SIZES = {"SCALAR": (), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


class Gltf:
    def __init__(self, path: Path):
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert magic == b"glTF" and version == 2 and length == len(data)
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON"
        self.json = json.loads(data[20 : 20 + size])
        self._bin = data[20 + size + 8 :]

    def accessor(self, index: int) -> np.ndarray:
        row = self.json["accessors"][index]
        view = self.json["bufferViews"][row["bufferView"]]
        start, shape = view.get("byteOffset", 0) + row.get("byteOffset", 0), _SIZES[row["type"]]
        count = row["count"] * int(np.prod(shape, initial=1))
        return np.frombuffer(self._bin, _TYPES[row["componentType"]], count, start).reshape(row["count"], *shape)

    def world(self, seconds: float, animation: int = 0) -> np.ndarray:
        """(N, 4, 4) of every node at a time that is a key."""
        nodes = [dict(node) for node in self.json["nodes"]]
        for channel in self.json["animations"][animation]["channels"]:
            sampler = self.json["animations"][animation]["samplers"][channel["sampler"]]
            times = self.accessor(sampler["input"])
            key = int(np.abs(times - seconds).argmin())
            nodes[channel["target"]["node"]][channel["target"]["path"]] = self.accessor(sampler["output"])[key]
        world = np.zeros((len(nodes), 4, 4))

        def place(index: int, above: np.ndarray) -> None:
            node, local = nodes[index], np.eye(4)
            x, y, z, w = np.asarray(node.get("rotation", (0, 0, 0, 1)), np.float64)
            cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
            local[:3, :3] = np.eye(3) + 2 * w * cross + 2 * cross @ cross
            local[:3, 3] = node.get("translation", (0, 0, 0))
            world[index] = above @ local
            for child in node.get("children", ()):
                place(child, world[index])

        for root in self.json["scenes"][self.json["scene"]]["nodes"]:
            place(root, np.eye(4))
        return world

    def skinned(self, world: np.ndarray) -> np.ndarray:
        """(V, 3) vertices of the first mesh."""
        skin, mesh = self.json["skins"][0], self.json["meshes"][0]["primitives"][0]["attributes"]
        inverse = self.accessor(skin["inverseBindMatrices"]).transpose(0, 2, 1)  # stored by columns
        moves = world[skin["joints"]] @ inverse
        points = np.c_[self.accessor(mesh["POSITION"]), np.ones(len(self.accessor(mesh["POSITION"])))]
        blended = np.einsum("vk,vkij->vij", self.accessor(mesh["WEIGHTS_0"]), moves[self.accessor(mesh["JOINTS_0"])])
        return np.einsum("vij,vj->vi", blended, points)[:, :3]
