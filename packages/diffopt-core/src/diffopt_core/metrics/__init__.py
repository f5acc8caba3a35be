"""Metrics: one named protocol a file. No torch here, so that listing them costs nothing.

No protocol is called plain "G-MPJPE": papers mean four different things by it (see ``rigid_clip``, ``first_frame``,
``heading_250`` and ``rigid_clip_mesh``).
"""

from __future__ import annotations

from ..plugin import Component

_ROWS: tuple[tuple[str, str, str], ...] = (
    ("rigid_clip", "RigidClip", "mm; joints after one rigid fit (no scale) over the whole clip"),
    ("rigid_clip_mesh", "RigidClipMesh", "mm; vertices after one rigid fit (no scale) on the clip's vertices"),
    ("rigid_clip_by_mesh", "RigidClipByMesh", "mm; joints after one rigid fit (no scale) on the clip's vertices"),
    ("first_frame", "FirstFrame", "mm; joints after a rigid fit (no scale) on the first frame"),
    ("heading_250", "Heading250", "mm; joints in each trajectory's own heading frame, renewed every 250 frames"),
    ("W-MPJPE100", "WMpjpe100", "mm; chunks of 100 frames, similarity fitted on the first two"),
    ("WA-MPJPE100", "WaMpjpe100", "mm; chunks of 100 frames, similarity fitted on the chunk"),
    ("RTE", "Rte", "% of the true path; root after one rigid fit (no scale) of the root path"),
    ("path_ratio", "PathRatio", "predicted over true length of the root path; 1 is right"),
    ("mpjpe_rigid", "MpjpeRigid", "mm; rigid_clip, then the mid-hip subtracted in every frame"),
    ("camera_pelvis", "CameraPelvis", "mm; camera frame, mid-hip subtracted, orientation kept"),
    ("nemo_local", "NemoLocal", "mm; articulation only: root position and orientation removed"),
    ("pa_mpjpe", "PaMpjpe", "mm; similarity fitted in every frame"),
    ("mpvpe", "Mpvpe", "mm; vertices under mpjpe_rigid"),
    ("jitter", "Jitter", "10 m/s^3; mean third derivative of the predicted joints"),
    ("accel", "Accel", "m/s^2; error of the joints' acceleration after rigid_clip"),
    ("foot_sliding", "FootSliding", "mm per 1/30 s; four sole vertices of SMPL where the true ones stand"),
    ("foot_sliding_joints", "FootSlidingJoints", "mm per 1/30 s; ankle and foot joints where the true ones stand"),
    ("camera_ate", "CameraAte", "mm; camera centres after one rigid fit (no scale), root mean square"),
    ("camera_ate_scaled", "CameraAteScaled", "mm; camera centres after one similarity fit, root mean square"),
    ("camera_rpe", "CameraRpe", "mm a frame; camera motion from frame to frame, root mean square"),
    ("camera_rpe_scaled", "CameraRpeScaled", "mm a frame; camera_rpe with the scale of the whole path's fit"),
    ("camera_rpe_rotation", "CameraRpeRotation", "deg a frame; camera turn from frame to frame, root mean square"),
    ("tram_w", "TramW", "mm; W-MPJPE100 with TRAM's chunks: the rest joined to the last, one frame left out"),
    ("tram_wa", "TramWa", "mm; WA-MPJPE100 with TRAM's chunks"),
    ("tram_ate", "TramAte", "mm; mean distance of camera centres after one similarity fit, TRAM's ATE"),
    ("tram_ate_s", "TramAteS", "mm; mean distance of camera centres after one rigid fit, TRAM's ATE-S"),
    ("emdb_mpjpe", "CameraPelvis", "mm; EMDB's MPJPE (camera_pelvis by another name)"),
    ("emdb_mpjpe_pa", "PaMpjpe", "mm; EMDB's MPJPE_PA (pa_mpjpe by another name)"),
    ("emdb_mve", "EmdbMve", "mm; EMDB's MVE: vertices in the camera frame, mid-hip subtracted"),
    ("emdb_mpjae", "EmdbMpjae", "deg; EMDB's MPJAE: global orientations of nine joints, camera frame"),
    ("emdb_mpjae_pa", "EmdbMpjaePa", "deg; EMDB's MPJAE_PA: after the Procrustes rotation of each frame"),
    ("emdb_jitter", "EmdbJitter", "10 m/s^3; EMDB's jitter: camera frame, nine of the 24 joints set to zero"),
)

COMPONENTS: list[Component] = [
    Component("metric", name, f"diffopt_core.metrics.configs:{config}Config", summary)
    for name, config, summary in _ROWS
]

#: What a report shows unless asked otherwise: the trajectory, then the body, then the motion.
DEFAULT: tuple[str, ...] = (
    "rigid_clip",
    "first_frame",
    "W-MPJPE100",
    "WA-MPJPE100",
    "RTE",
    "path_ratio",
    "mpjpe_rigid",
    "pa_mpjpe",
    "jitter",
    "foot_sliding_joints",
)
