"""Evaluation protocols by name: metrics, column labels, and how clips are averaged.

Formula and source of every metric: ``diffopt show metric NAME``. Pooling ``frames`` weights clips by their length, as
published scripts do that average the frames of all sequences; ``clips`` uses equal weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffopt_core.errors import UnknownName

from .model import Pooling


@dataclass(frozen=True)
class Protocol:
    name: str
    columns: dict[str, str]  # label -> metric
    pooling: Pooling
    source: str


_WORLD = {"W-MPJPE": "W-MPJPE100", "WA-MPJPE": "WA-MPJPE100", "RTE": "RTE", "jitter": "jitter"}
_LOCAL = {"MPJPE": "mpjpe_rigid", "MPVPE": "mpvpe"}

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "emdb2/wham",
            {**_WORLD, "foot sliding": "foot_sliding"},
            "frames",
            "WHAM, lib/eval/evaluate_emdb.py; GVHMR and GEM use the same formulas. (WHAM itself starts from the true "
            "first orientation, which is not done here.)",
        ),
        Protocol(
            "emdb2/tram",
            {"W-MPJPE": "tram_w", "WA-MPJPE": "tram_wa", "RTE": "RTE", "ATE": "tram_ate", "ATE-S": "tram_ate_s"},
            "frames",
            "TRAM, scripts/emdb/run_eval.py: chunks differ from WHAM's. Its trajectory filter "
            "is part of its method and is not applied; its ATE are means over sequences.",
        ),
        Protocol(
            "emdb1/emdb",
            {
                "MPJPE": "emdb_mpjpe",
                "MPJPE-PA": "emdb_mpjpe_pa",
                "MVE": "emdb_mve",
                "MPJAE": "emdb_mpjae",
                "MPJAE-PA": "emdb_mpjae_pa",
                "jitter": "emdb_jitter",
            },
            "frames",
            "EMDB, evaluation_engine.py: camera frame, EMDB-1",
        ),
        Protocol(
            "paper/rigid-clip",
            {**_LOCAL, "G-MPJPE": "rigid_clip", "G-MPVPE": "rigid_clip_mesh"},
            "clips",
            "The most likely interpretation of the paper: one rigid fit per clip, no scale, as in NeMo's code",
        ),
        Protocol(
            "paper/nemo",
            {"MPJPE": "nemo_local", "G-MPJPE": "rigid_clip_by_mesh", "G-MPVPE": "rigid_clip_mesh"},
            "clips",
            "NeMo, neural_motion_model.py, exactly: local error of "
            "the articulation only; global errors fitted on vertices",
        ),
        Protocol(
            "paper/first-frame", {**_LOCAL, "G-MPJPE": "first_frame"}, "clips", "Another interpretation of the paper"
        ),
        Protocol(
            "glamr/heading",
            {**_LOCAL, "G-MPJPE": "heading_250"},
            "clips",
            "GLAMR, global_recon/utils/evaluator.py: heading frame renewed every 250 frames",
        ),
        Protocol(
            "camera/evo",
            {
                "ATE": "camera_ate",
                "ATE, scaled": "camera_ate_scaled",
                "RPE": "camera_rpe",
                "RPE, scaled": "camera_rpe_scaled",
                "RPE, rotation": "camera_rpe_rotation",
            },
            "clips",
            "Sturm et al., IROS 2012, as evo computes it: root mean squares, a step of one frame",
        ),
    )
}


def protocol(name: str) -> Protocol:
    """The protocol by name. Raises UnknownName with the nearest name."""
    if name not in PROTOCOLS:
        raise UnknownName("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
