"""Terms of the energy, one a file. Importing this room does not import torch."""

from __future__ import annotations

from ..plugin import Component

_HERE = __name__

COMPONENTS: list[Component] = [
    Component("term", name, f"{_HERE}.{name}:{config}", summary)
    for name, config, summary in (
        ("pose", "PoseConfig", "articulation stays near the initial one (eq. 5, 6)"),
        ("orientation", "OrientationConfig", "root orientation stays near the initial one (eq. 5)"),
        ("translation", "TranslationConfig", "root translation stays near the initial one (eq. 5)"),
        ("reprojection", "ReprojectionConfig", "projected keypoints meet the detected ones (eq. 8)"),
        ("camera_rotation", "CameraRotationConfig", "the camera's rotation bias stays small"),
        ("camera_translation", "CameraTranslationConfig", "the camera's translation bias stays small"),
        ("camera_scale", "CameraScaleConfig", "the scale of the camera's path stays near 1"),
        ("camera_focal", "CameraFocalConfig", "the focal length stays near the given one"),
        ("camera_smooth", "CameraSmoothConfig", "the camera's correction changes smoothly over time"),
        ("anchor", "AnchorConfig", "the first frame keeps its place and heading"),
        ("smooth", "SmoothConfig", "joints accelerate little"),
        ("velocity", "VelocityConfig", "the root moves at the initial velocity"),
        ("speed", "SpeedConfig", "the root moves as fast as the initializer's evidence says"),
        ("contact", "ContactConfig", "feet that are low and slow stand still"),
        ("floor", "FloorConfig", "no joint sinks below the floor"),
    )
]
