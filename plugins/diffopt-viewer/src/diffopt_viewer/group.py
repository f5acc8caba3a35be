"""One result in the scene: its body, skeleton, path, cameras and truth. Nodes are created once; each frame moves
them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import viser

from .arrange import STAY, Fit, Move, fitted
from .shown import BONES, RGB, Room, Shown, TrueMotion, drawable, line, paler


class Sticks:
    """Lines of ``thickness`` (m) between the joints of ``pairs`` (N, 2: child, parent), from joints (J, 3; nan where
    unknown): a line with an unknown end is not drawn."""

    def __init__(
        self, scene: viser.SceneApi, name: str, pairs: np.ndarray, joints: np.ndarray, colour: RGB, thickness: float
    ):
        self._pairs = pairs
        self.handle = scene.add_line_segments(name, drawable(joints[pairs]), colour, thickness=thickness)

    def pose(self, joints: np.ndarray) -> None:
        self.handle.points = drawable(joints[self._pairs])


#: Layers that can be toggled: key -> checkbox label.
LAYERS: dict[str, str] = {
    "body": "Body", "skeleton": "Skeleton", "path": "Path", "camera": "Camera", "image": "Image in the camera",
    "cameras": "Camera path", "truth": "Truth", "initial": "First estimate", "names": "Names",
}  # fmt: skip
#: Layers that move with the frame.
MOVING = ("body", "skeleton", "names", "initial", "truth", "camera")
HIDDEN_AT_FIRST = frozenset({"skeleton", "initial"})
#: Size of the moving frustum and of those along the path; number of the latter.
_NEAR, _SMALL, _ALONG = 0.24, 0.09, 8


@dataclass(frozen=True)
class _Truth:
    frame: viser.FrameHandle
    skeleton: Sticks
    path: viser.LineSegmentsHandle
    cameras: viser.LineSegmentsHandle | None


class Group:
    """``shown`` in the scene under ``name``. Nodes are created once; a frame only sets poses. ``over``: height of the
    label above the head, m."""

    def __init__(self, server: viser.ViserServer, name: str, shown: Shown, room: Room, over: float = 0.22):
        self.shown, self.name, self._over = shown, name, over
        self.align = STAY  # from the truth's world into this result's
        scene, colour = server.scene, shown.colour
        self.root = scene.add_frame(name, show_axes=False)
        self.body = scene.add_mesh_skinned(
            f"{name}/body", shown.surface.vertices, shown.surface.faces,
            bone_wxyzs=np.tile([1.0, 0.0, 0.0, 0.0], (24, 1)), bone_positions=shown.rest, skin_weights=shown.skin,
            color=colour, side="double" if shown.surface.drawn else "front",
        )  # fmt: skip
        self.skeleton = Sticks(scene, f"{name}/skeleton", BONES, shown.joints[0], colour, 0.024)
        self.path = scene.add_line_segments(f"{name}/path", line(shown.on_ground), colour, thickness=0.025)
        self.label = scene.add_label(f"{name}/name", shown.label, font_screen_scale=0.9, anchor="bottom-center")
        self.initial = None
        if shown.initial is not None:
            self.initial = Sticks(scene, f"{name}/initial", BONES, shown.initial[0], paler(colour), 0.020)
        self._add_cameras(scene)
        self.truth = None if shown.truth is None else _add_truth(scene, f"{name}/truth", shown.truth, room)
        self.frame = -1
        self._shows = set(LAYERS) - HIDDEN_AT_FIRST
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
        along = np.unique(np.linspace(0, self.shown.frames - 1, _ALONG).round().astype(int)).tolist()
        for number in along if moves else ():
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
        """Show another motion of the same body and clip, from a running solve."""
        self.shown = replace(shown, colour=self.shown.colour, label=self.shown.label)
        self.path.points = line(shown.on_ground)
        if self.cameras is not None and shown.cameras is not None:
            self.cameras.points = line(shown.cameras.position)
        frame, self.frame = self.frame, -1
        self.pose(frame)

    def pose(self, frame: int) -> None:
        """Pose everything visible at a frame. Hidden layers are skipped, as each bone costs a message."""
        if frame == self.frame:
            return
        self.frame = frame
        for layer in MOVING:
            if layer in self._shows:
                self._move(layer)

    def _move(self, layer: str) -> None:
        shown, frame = self.shown, self.frame
        joints = shown.joints[frame]
        if layer == "body":
            for bone, turn, place in zip(self.body.bones, shown.turns[frame], joints, strict=True):
                bone.wxyz, bone.position = turn, place
        elif layer == "skeleton":
            self.skeleton.pose(joints)
        elif layer == "names":
            self.label.position = (joints[0, 0], joints[:, 1].max() + self._over, joints[0, 2])
        elif layer == "initial" and self.initial is not None and shown.initial is not None:
            self.initial.pose(shown.initial[frame])
        elif layer == "truth" and self.truth is not None and shown.truth is not None:
            self.truth.skeleton.pose(shown.truth.joints[frame])
        elif layer == "camera" and self.frustum is not None and shown.cameras is not None:
            self.frustum.fov, self.frustum.aspect = shown.cameras.field_of_view(frame)
            self.frustum.wxyz, self.frustum.position = shown.cameras.wxyz[frame], shown.cameras.position[frame]

    @property
    def shows_image(self) -> bool:
        """Whether an image in the frustum would be visible."""
        return {"image", "camera"} <= self._shows

    def lay_truth(self, how: Fit) -> None:
        """Align the ground truth to this result."""
        if self.truth is None or self.shown.truth is None:
            return
        self.align = fitted(self.shown.truth.joints, self.shown.joints, how)
        self.truth.frame.wxyz, self.truth.frame.position = self.align.wxyz, self.align.shift
        self.truth.path.position = (
            0.0,
            -self.align.shift[1],
            0.0,
        )  # on the ground, whatever the ground truth's floor height

    def place(self, move: Move) -> None:
        """Move the whole group in the scene."""
        self.root.wxyz, self.root.position = move.wxyz, move.shift

    def switch(self, on: dict[str, bool], through: bool = False) -> None:
        """Show the layers that are on. ``through``: the view is from a camera, whose frustum would block it."""
        away = {"camera", "cameras", "names"} if through else set()
        shows = {layer for layer in LAYERS if on.get(layer, True)} - away
        nodes: dict[str, tuple] = {
            "body": (self.body,),
            "skeleton": (self.skeleton.handle,),
            "path": (self.path,),
            "names": (self.label,),
            "initial": () if self.initial is None else (self.initial.handle,),
            "camera": (self.frustum,),
            "cameras": (self.cameras, *self.along),
            "truth": () if self.truth is None else (self.truth.frame,),
        }
        for layer, some in nodes.items():
            for node in some:
                if node is not None:
                    node.visible = layer in shows
        new, self._shows = shows - self._shows, shows
        for layer in MOVING:
            if layer in new and self.frame >= 0:
                self._move(layer)
        if self.frustum is not None and "image" not in shows:
            self.frustum.image = None

    def recolour(self, room: Room) -> None:
        """Update everything drawn in the theme's text colour."""
        if self.truth is not None:
            for node in (self.truth.skeleton.handle, self.truth.path, self.truth.cameras):
                if node is not None:
                    node.colors = np.array(room.truth, np.uint8)

    def error(self) -> float | None:
        """Mean joint distance to the ground truth as displayed, at the current frame, m."""
        if self.shown.truth is None or self.frame < 0:
            return None
        apart = np.linalg.norm(self.align(self.shown.truth.joints[self.frame]) - self.shown.joints[self.frame], axis=-1)
        return float(np.nanmean(apart)) if np.isfinite(apart).any() else None


def _add_truth(scene: viser.SceneApi, name: str, truth: TrueMotion, room: Room) -> _Truth:
    cameras = None
    frame = scene.add_frame(name, show_axes=False)
    if truth.cameras is not None and len(truth.cameras) > 1:
        cameras = scene.add_line_segments(f"{name}/cameras", line(truth.cameras), room.truth, thickness=0.008)
    return _Truth(
        frame,
        Sticks(scene, f"{name}/skeleton", truth.bones, truth.joints[0], room.truth, 0.026),
        scene.add_line_segments(f"{name}/path", line(truth.on_ground), room.truth, thickness=0.018),
        cameras,
    )
