"""Metrics: named evaluation protocols. No torch here, so that listing them is fast.

No protocol is called "G-MPJPE", because papers use that name for four different metrics (see ``rigid_clip``,
``first_frame``, ``heading_250`` and ``rigid_clip_mesh``).
"""

from __future__ import annotations

from typing import Any

from ...plugin import Component, fixed


def _metric(name: str, builds: str, summary: str, **arguments: Any) -> Component:
    """The row of a metric. Metrics have no options: a variant of a protocol needs its own name."""
    return fixed("metric", name, f"{__name__}.{builds}", summary, **arguments)


COMPONENTS: list[Component] = [
    _metric("rigid_clip", "joints:RigidClip",
            "mm; joints after one rigid fit (no scale) over the whole clip", fit="joints", score="joints"),
    _metric("rigid_clip_mesh", "joints:RigidClip",
            "mm; vertices after one rigid fit (no scale) on the clip's vertices", fit="vertices", score="vertices"),
    _metric("rigid_clip_by_mesh", "joints:RigidClip",
            "mm; joints after one rigid fit (no scale) on the clip's vertices", fit="vertices", score="joints"),
    _metric("first_frame", "joints:FirstFrame", "mm; joints after a rigid fit (no scale) on the first frame"),
    _metric("heading_250", "joints:Heading250",
            "mm; joints in each trajectory's own heading frame, renewed every 250 frames"),
    _metric("W-MPJPE100", "path:ChunkedMpjpe",
            "mm; chunks of 100 frames, similarity fitted on the first two", fit_frames=2),
    _metric("WA-MPJPE100", "path:ChunkedMpjpe",
            "mm; chunks of 100 frames, similarity fitted on the chunk", fit_frames=None),
    _metric("RTE", "path:Rte", "% of the true path; root after one rigid fit (no scale) of the root path"),
    _metric("path_ratio", "path:PathRatio", "predicted over true length of the root path; 1 is right"),
    _metric("mpjpe_rigid", "joints:MpjpeRigid",
            "mm; rigid_clip, then the mid-hip subtracted in every frame", score="joints"),
    _metric("camera_pelvis", "joints:CameraPelvis",
            "mm; camera frame, mid-hip subtracted, orientation kept", score="joints"),
    _metric("nemo_local", "joints:NemoLocal", "mm; articulation only: root position and orientation removed"),
    _metric("pa_mpjpe", "joints:PaMpjpe", "mm; similarity fitted in every frame"),
    _metric("mpvpe", "joints:MpjpeRigid", "mm; vertices under mpjpe_rigid", score="vertices"),
    _metric("jitter", "motion:Jitter", "10 m/s^3; mean third derivative of the predicted joints"),
    _metric("accel", "motion:Accel", "m/s^2; error of the joints' acceleration after rigid_clip"),
    _metric("foot_sliding", "motion:FootSliding",
            "mm per 1/30 s; four sole vertices of SMPL while the true ones are in contact"),
    _metric("foot_sliding_joints", "motion:FootSlidingJoints",
            "mm per 1/30 s; ankle and foot joints while the true ones are in contact"),
    _metric("camera_ate", "path:CameraAte",
            "mm; camera centres after one rigid fit (no scale), root mean square", scale=False),
    _metric("camera_ate_scaled", "path:CameraAte",
            "mm; camera centres after one similarity fit, root mean square", scale=True),
    _metric("camera_rpe", "path:CameraRpe",
            "mm per frame; camera motion from frame to frame, root mean square", scale=False),
    _metric("camera_rpe_scaled", "path:CameraRpe",
            "mm per frame; camera_rpe with the scale of the whole path's fit", scale=True),
    _metric("camera_rpe_rotation", "path:CameraRpeRotation",
            "deg per frame; camera turn from frame to frame, root mean square"),
    _metric("tram_w", "path:TramChunkedMpjpe",
            "mm; W-MPJPE100 with TRAM's chunks: the rest joined to the last, one frame left out", fit_frames=2),
    _metric("tram_wa", "path:TramChunkedMpjpe", "mm; WA-MPJPE100 with TRAM's chunks", fit_frames=None),
    _metric("tram_ate", "path:CameraAte",
            "mm; mean distance of camera centres after one similarity fit, TRAM's ATE", scale=True, squared=False),
    _metric("tram_ate_s", "path:CameraAte",
            "mm; mean distance of camera centres after one rigid fit, TRAM's ATE-S", scale=False, squared=False),
    _metric("emdb_mpjpe", "joints:CameraPelvis",
            "mm; EMDB's MPJPE (camera_pelvis by another name)", score="joints"),
    _metric("emdb_mpjpe_pa", "joints:PaMpjpe", "mm; EMDB's MPJPE_PA (pa_mpjpe by another name)"),
    _metric("emdb_mve", "joints:CameraPelvis",
            "mm; EMDB's MVE: vertices in the camera frame, mid-hip subtracted", score="vertices"),
    _metric("emdb_mpjae", "joints:EmdbMpjae",
            "deg; EMDB's MPJAE: global orientations of nine joints, camera frame", procrustes=False),
    _metric("emdb_mpjae_pa", "joints:EmdbMpjae",
            "deg; EMDB's MPJAE_PA: after the Procrustes rotation of each frame", procrustes=True),
    _metric("emdb_jitter", "motion:EmdbJitter",
            "10 m/s^3; EMDB's jitter: camera frame, nine of the 24 joints set to zero"),
]  # fmt: skip

#: Metrics of the prediction alone, in its own unit: the value of the truth is the best one, not the smallest.
OF_ITSELF: frozenset[str] = frozenset({"jitter", "emdb_jitter", "foot_sliding", "foot_sliding_joints"})

#: Default metrics of a report: trajectory, body, motion.
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
