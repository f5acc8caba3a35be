"""Terms of the energy. Importing this package does not import torch."""

from __future__ import annotations

from ...plugin import Component

COMPONENTS: list[Component] = [
    Component("term", name, f"{__name__}.{config}", summary)
    for name, config, summary in (
        ("pose", "body:PoseConfig", "body pose stays near the initial one (eq. 5, 6)"),
        ("orientation", "body:OrientationConfig", "root orientation stays near the initial one (eq. 5)"),
        ("translation", "body:TranslationConfig", "root translation stays near the initial one (eq. 5)"),
        ("reprojection", "reprojection:ReprojectionConfig", "projected keypoints match the detected ones (eq. 8)"),
        ("camera_rotation", "camera:CameraRotationConfig", "the camera's rotation bias stays small"),
        ("camera_translation", "camera:CameraTranslationConfig", "the camera's translation bias stays small"),
        ("camera_scale", "camera:CameraScaleConfig", "the scale of the camera's path stays near 1"),
        ("camera_focal", "camera:CameraFocalConfig", "the focal length stays near its initial value"),
        ("camera_smooth", "camera:CameraSmoothConfig", "the camera's correction changes smoothly over time"),
        ("anchor", "body:AnchorConfig", "the first frame keeps its position and heading"),
        ("smooth", "body:SmoothConfig", "joints accelerate little"),
        ("velocity", "body:VelocityConfig", "the root moves at the initial velocity"),
        ("speed", "body:SpeedConfig", "the root moves at the initializer's estimated velocity"),
        ("contact", "feet:ContactConfig", "feet in contact do not move"),
        ("floor", "feet:FloorConfig", "no joint is below the floor"),
    )
]
