"""The nodes of one result in the scene, all below one frame, posed by the number of a frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import viser

from .colours import Room, paler
from .shown import Shown, drawable, line, segments
from .truth import STAY, Fit, Move, TrueMotion, fitted

#: What can be switched on and off: key -> what the checkbox says.
LAYERS: dict[str, str] = {
    "body": "Body", "skeleton": "Skeleton", "path": "Path", "camera": "Camera", "image": "Image in the camera",
    "cameras": "Camera path", "truth": "Truth", "initial": "First estimate", "names": "Names",
}  # fmt: skip
HIDDEN_AT_FIRST = frozenset({"skeleton", "initial"})
#: Size of the moving frustum and of those along the path; how many of the latter.
_NEAR, _SMALL, _ALONG = 0.30, 0.10, 8


@dataclass(frozen=True)
class _Truth:
    frame: viser.FrameHandle
    skeleton: viser.LineSegmentsHandle
    path: viser.LineSegmentsHandle
    cameras: viser.LineSegmentsHandle | None
    bones: np.ndarray


class Group:
    """``shown`` in the scene under ``name``. Nodes are made once; a frame sets poses alone."""

    def __init__(self, server: viser.ViserServer, name: str, shown: Shown, room: Room):
        self.shown, self.name = shown, name
        self.align = STAY  # from the truth's world into this result's
        scene, colour = server.scene, shown.colour
        self.root = scene.add_frame(name, show_axes=False)
        joints = shown.joints[0]
        index, weights, _ = shown.surface.strongest(4)
        skin = _dense(index, weights)
        self.body = scene.add_mesh_skinned(
            f"{name}/body", shown.surface.vertices, shown.surface.faces,
            bone_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (24, 1)), bone_positions=shown.rest, skin_weights=skin,
            color=colour, side="double" if shown.surface.drawn else "front",
        )  # fmt: skip
        self.skeleton = scene.add_line_segments(f"{name}/skeleton", segments(joints), colour, thickness=0.022)
        self.path = scene.add_line_segments(f"{name}/path", line(shown.on_ground), colour, thickness=0.025)
        self.label = scene.add_label(f"{name}/name", shown.label, font_screen_scale=0.9, anchor="bottom-center")
        self.initial = None
        if shown.initial is not None:
            pale = paler(colour)
            self.initial = scene.add_line_segments(f"{name}/initial", segments(shown.initial[0]), pale, thickness=0.018)
        self._add_cameras(scene)
        self.truth = None if shown.truth is None else _add_truth(scene, f"{name}/truth", shown.truth, room)
        self.frame = -1
        self.pose(0)

    def _add_cameras(self, scene: viser.SceneApi) -> None:
        self.frustum = self.cameras = None
        self.along: list[viser.CameraFrustumHandle] = []
        cameras = self.shown.cameras
        if cameras is None:
            return
        colour = self.shown.colour
        angle, aspect = cameras.field_of_view(0)
        self.frustum = scene.add_camera_frustum(
            f"{self.name}/camera", angle, aspect, scale=_NEAR, thickness=0.012, color=colour, cast_shadow=False,
        )  # fmt: skip
        path = line(cameras.position)
        moves = float(np.ptp(cameras.position, axis=0).max()) > 0.02
        if moves:
            self.cameras = scene.add_line_segments(f"{self.name}/cameras", path, paler(colour), thickness=0.012)
        for number in np.unique(np.linspace(0, self.shown.frames - 1, _ALONG).round().astype(int)) if moves else ():
            angle, aspect = cameras.field_of_view(number)
            self.along.append(
                scene.add_camera_frustum(
                    f"{self.name}/cameras/{number}",
                    angle,
                    aspect,
                    scale=_SMALL,
                    thickness=0.005,
                    color=paler(colour),
                    wxyz=cameras.wxyz[number],
                    position=cameras.position[number],
                    cast_shadow=False,
                )
            )

    def change(self, shown: Shown) -> None:
        """Another motion of the same body and clip: a solve went on."""
        self.shown = replace(shown, colour=self.shown.colour, label=self.shown.label)
        self.path.points = line(shown.on_ground)
        if self.cameras is not None and shown.cameras is not None:
            self.cameras.points = line(shown.cameras.position)
        frame, self.frame = self.frame, -1
        self.pose(frame)

    def pose(self, frame: int) -> None:
        """Everything that moves, at a frame."""
        if frame == self.frame:
            return
        self.frame = frame
        shown = self.shown
        joints = shown.joints[frame]
        for bone, turn, place in zip(self.body.bones, shown.turns[frame], joints, strict=True):
            bone.wxyz, bone.position = turn, place
        self.skeleton.points = segments(joints)
        top = joints[:, 1].max() + 0.22
        self.label.position = (joints[0, 0], top, joints[0, 2])
        if self.initial is not None and shown.initial is not None:
            self.initial.points = segments(shown.initial[frame])
        if self.frustum is not None and shown.cameras is not None:
            self.frustum.fov, self.frustum.aspect = shown.cameras.field_of_view(frame)
            self.frustum.wxyz, self.frustum.position = shown.cameras.wxyz[frame], shown.cameras.position[frame]
        if self.truth is not None and shown.truth is not None:
            self.truth.skeleton.points = drawable(shown.truth.joints[frame][self.truth.bones])

    def lay_truth(self, how: Fit) -> None:
        """Lay the truth over this result."""
        if self.truth is None or self.shown.truth is None:
            return
        self.align = fitted(self.shown.truth.joints, self.shown.joints, how)
        self.truth.frame.wxyz, self.truth.frame.position = self.align.wxyz, self.align.shift

    def place(self, move: Move) -> None:
        """Put the whole group elsewhere in the room."""
        self.root.wxyz, self.root.position = move.wxyz, move.shift

    def switch(self, on: dict[str, bool], through: bool = False) -> None:
        """Show the layers that are on. ``through``: the view is from a camera, whose frustum would hide all."""
        rows: dict[str, tuple] = {
            "body": (self.body,), "skeleton": (self.skeleton,), "path": (self.path,), "names": (self.label,),
            "initial": (self.initial,), "cameras": (self.cameras, *self.along), "camera": (self.frustum,),
            "truth": (self.truth and self.truth.frame,),
        }  # fmt: skip
        for layer, nodes in rows.items():
            hidden = through and layer in ("camera", "cameras", "names")
            for node in nodes:
                if node is not None:
                    node.visible = on.get(layer, True) and not hidden
        if self.frustum is not None and not on.get("image", True):
            self.frustum.image = None

    def recolour(self, room: Room) -> None:
        """Whatever is drawn in the room's ink."""
        if self.truth is not None:
            for node in (self.truth.skeleton, self.truth.path, self.truth.cameras):
                if node is not None:
                    node.colors = np.array(room.truth, np.uint8)

    def error(self) -> float | None:
        """Mean distance of joints to the truth as it lies now, at the present frame, m."""
        if self.shown.truth is None or self.frame < 0:
            return None
        apart = np.linalg.norm(self.align(self.shown.truth.joints[self.frame]) - self.shown.joints[self.frame], axis=-1)
        return float(np.nanmean(apart)) if np.isfinite(apart).any() else None


def _dense(index: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(V, 24) from the strongest joints (V, 4) of each vertex and their weights."""
    skin = np.zeros((len(index), 24), np.float32)
    np.add.at(skin, (np.arange(len(index))[:, None], index), weights)
    return skin


def _add_truth(scene: viser.SceneApi, name: str, truth: TrueMotion, room: Room) -> _Truth:
    bones = truth.bones
    first = drawable(truth.joints[0][bones])
    cameras = None
    frame = scene.add_frame(name, show_axes=False)
    if truth.cameras is not None and len(truth.cameras) > 1:
        cameras = scene.add_line_segments(f"{name}/cameras", line(truth.cameras), room.truth, thickness=0.008)
    return _Truth(
        frame,
        scene.add_line_segments(f"{name}/skeleton", first, room.truth, thickness=0.022),
        scene.add_line_segments(f"{name}/path", line(truth.on_ground), room.truth, thickness=0.018),
        cameras,
        bones,
    )
