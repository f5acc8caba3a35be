"""The whole scene (ground, results, layers) at one time, and the views of the browsers' cameras."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import viser
from PIL import Image
from viser.transforms import SO3

from .arrange import FIELD, FITS, Fit, Move, arrange, first_view, from_above
from .group import HIDDEN_AT_FIRST, LAYERS, Group
from .shown import RGB, Cameras, Shown, room

WORLD = "/world"


class Stage:
    """``layers``: layer -> shown; ``wanted``: result -> shown. Change any attribute, then ``settle``."""

    def __init__(self, server: viser.ViserServer, dark: bool = False):
        self.server = server
        self.layers = {layer: layer not in HIDDEN_AT_FIRST for layer in LAYERS} | {"ground": True}
        self.lanes = False
        self.fit: Fit = FITS[0]
        self.follow = False
        self.through = False
        self.dark = dark
        self.groups: list[Group] = []
        self.wanted: list[bool] = []
        self.moves: list[Move] = []
        self.time = 0.0
        server.scene.set_up_direction("+y")
        server.initial_camera.fov = float(FIELD)
        server.initial_camera.near, server.initial_camera.far = 0.05, 500.0

    @property
    def shown(self) -> list[Shown]:
        return [group.shown for group in self.groups]

    @property
    def leader(self) -> Group:
        """The result that the view follows: the first visible one."""
        return next((g for g, on in zip(self.groups, self.wanted, strict=True) if on), self.groups[0])

    def build(self, shown: Sequence[Shown]) -> None:
        """Replace the scene by these results."""
        if self.groups:
            self.server.scene.remove_by_name(WORLD)
        self.world = self.server.scene.add_frame(WORLD, show_axes=False)
        self._add_ground(shown)
        self.groups = [
            Group(self.server, f"{WORLD}/{k}", one, room(self.dark), over=0.22 + 0.13 * (len(shown) - 1 - k))
            for k, one in enumerate(shown)
        ]
        self.wanted = [True] * len(shown)
        self.lanes = len({(one.clip, one.frames) for one in shown}) > 1
        self.time = 0.0
        self.settle()
        eye, centre = first_view(self.shown, self.moves)
        self.server.initial_camera.position, self.server.initial_camera.look_at = eye, centre

    def change(self, shown: Sequence[Shown]) -> None:
        """Update the motions of the same clips and bodies."""
        for group, one in zip(self.groups, shown, strict=True):
            group.change(one)
        self.settle()

    def settle(self) -> None:
        """Apply placement, layers and colours."""
        for group in self.groups:
            group.lay_truth(self.fit)
        self.moves = arrange(self.shown, [group.align for group in self.groups], self.lanes, self.fit)
        for number, group in enumerate(self.groups):
            group.place(self.moves[number])
            group.switch(self.layers, self.through)
            group.root.visible = self.wanted[number]
            group.recolour(room(self.dark))
        self._drop_twins()
        self._colour_ground()
        self._carry()

    def seek(self, time: float) -> None:
        """Pose everything ``time`` seconds into the clips."""
        self.time = time
        for group in self.groups:
            group.pose(group.shown.frame_at(time))
        self._carry()

    def _carry(self) -> None:
        """While the view follows a person, the world moves and the eye stays, so that the user can still orbit."""
        shift = np.zeros(3)
        if self.follow and not self.through:
            leader = self.leader
            move = self.moves[self.groups.index(leader)]
            start, now = move(leader.shown.joints[[0, leader.frame], 0])
            shift = (start - now) * (1.0, 0.0, 1.0)
        self.world.position = shift

    def _drop_twins(self) -> None:
        """Overlaid results share one ground truth: draw it once."""
        if self.lanes or not self.layers["truth"]:
            return
        seen: list[Group] = []
        for group, on in zip(self.groups, self.wanted, strict=True):
            if group.truth is None or not on:
                continue
            twin = any(g.shown.clip == group.shown.clip and g.shown.frames == group.shown.frames for g in seen)
            group.truth.frame.visible = not twin
            seen.append(group)

    def _add_ground(self, shown: Sequence[Shown]) -> None:
        reach = np.concatenate([one.joints[:, 0] for one in shown])
        middle = (reach.min(0) + reach.max(0)) / 2
        size = float(np.ptp(reach[:, [0, 2]], axis=0).max()) + 24.0
        colours = room(self.dark)
        self.ground = self.server.scene.add_grid(
            f"{WORLD}/ground", size, size, plane="xz", cell_size=0.5, section_size=1.0,
            position=(round(middle[0]), 0.0, round(middle[2])), cell_color=colours.cell,
            section_color=colours.section, plane_color=colours.ground, plane_opacity=colours.ground_opacity,
            fade_distance=size / 2, fade_strength=1.5, shadow_opacity=0.18,
        )  # fmt: skip

    def _colour_ground(self) -> None:
        colours = room(self.dark)
        self.ground.visible = self.layers["ground"]
        self.ground.cell_color, self.ground.section_color = colours.cell, colours.section
        self.ground.plane_color = colours.ground
        self.ground.plane_opacity = 0.0 if self.through else colours.ground_opacity


FREE, FOLLOW, THROUGH = "free", "follow the person", "through the camera"
SIDE, ABOVE = "from the side", "from above"
#: Height of the image behind the scene, px.
_HEIGHT = 540


def look(stage: Stage, client: viser.ClientHandle, whence: str = SIDE) -> None:
    """Set one browser's camera to a view of the paths."""
    eye, centre = (from_above if whence == ABOVE else first_view)(stage.shown, stage.moves)
    with client.atomic():
        client.camera.up_direction = (0.0, 1.0, 0.0)
        client.camera.fov = float(FIELD)
        client.camera.position = eye
        client.camera.look_at = centre


def look_through(stage: Stage, client: viser.ClientHandle, image: np.ndarray | None) -> None:
    """Set one browser's camera to the leader's camera, with its image (None: blank) behind the scene."""
    group = stage.leader
    cameras = group.shown.cameras
    if cameras is None:
        return
    frame = group.frame
    move = stage.moves[stage.groups.index(group)]
    aspect = float(client.camera.aspect) or 1.0
    half = half_height(cameras, frame, aspect)
    with client.atomic():
        client.camera.fov = float(2 * np.arctan(half))
        client.camera.position = move(cameras.position[frame])
        client.camera.wxyz = (SO3(move.wxyz) @ SO3(cameras.wxyz[frame])).wxyz
    client.scene.set_background_image(
        backdrop(image, cameras, frame, aspect, half, room(stage.dark).paper), format="jpeg", jpeg_quality=80
    )


def half_height(cameras: Cameras, frame: int, aspect: float) -> float:
    """Tangent of half the vertical field of view at which a window of this aspect shows the whole image, with the
    principal point in the centre."""
    size, centre, focal = (np.array(v, float) for v in (cameras.size, cameras.centre[frame], cameras.focal[frame]))
    reach = np.maximum(np.maximum(centre, size - centre), 1.0) / focal
    return float(max(reach[1], reach[0] / aspect))


def backdrop(
    image: np.ndarray | None, cameras: Cameras, frame: int, aspect: float, half: float, paper: RGB
) -> np.ndarray:
    """The window's background: the image where the camera's rays meet it, blank around it."""
    height, width = _HEIGHT, max(1, round(_HEIGHT * min(aspect, 4.0)))
    page = Image.new("RGB", (width, height), paper)
    if image is not None:
        unit = height / 2 / half  # px of the window per unit of x / z
        size, centre, focal = (np.array(v, float) for v in (cameras.size, cameras.centre[frame], cameras.focal[frame]))
        corner = np.array([width, height]) / 2 - centre / focal * unit
        shape = np.maximum((size / focal * unit).round().astype(int), 1)
        page.paste(Image.fromarray(image).resize((int(shape[0]), int(shape[1]))), tuple(corner.round().astype(int)))
    return np.asarray(page)
