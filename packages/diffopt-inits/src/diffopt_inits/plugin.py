"""Components, weights and commands of this package. The rows name config classes; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from diffopt_core.plugin import Component, WeightFile, command_group, hookimpl

if TYPE_CHECKING:
    import typer

_HERE = "diffopt_inits"
_READERS = f"{_HERE}.readers.configs"

#: Systems whose result files are read: component name, system, usual file name.
RESULTS = (
    ("wham", "WHAM", "wham_output.pkl, written with --save_pkl"),
    ("gvhmr", "GVHMR and GEM", "hmr4d_results.pt of GVHMR, smpl_params.pt of GEM"),
    ("gemx", "GEM-X (SOMA)", "hpe_results.pt"),
    ("tram", "TRAM", "hps/hps_track_0.npy or the folder results/SEQUENCE"),
    ("slahmr", "SLAHMR", "motion_chunks/..._world_results.npz, or a folder of track_preds"),
    ("glamr", "GLAMR", "SEQUENCE_seed1.pkl"),
    ("prompthmr", "PromptHMR", "results.pkl"),
)
_VIDEO: dict[str, Any] = {"default_for": "video"}
_KEYPOINTS: dict[str, Any] = {"default_for": "keypoints"}
_TABLES: dict[str, Any] = {"in_tables": {"protocol": "trimmed"}}
_ROWS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("dataset", "landmarks", "landmarks:LandmarksDatasetConfig", "BlazePose landmarks (*.landmarks.npz)", {}),
    ("dataset", "emdb", "emdb.config:EmdbConfig", "a sequence of EMDB, whole or by segments", _TABLES),
    ("detector", "mediapipe", "mediapipe.config:MediapipeConfig", "BlazePose on the CPU, 2D and 3D", _VIDEO),
    ("detector", "vitpose", "vitpose.config:VitposeConfig", "ViTPose, or its result files", {}),
    ("detector", "openpose", "openpose.config:OpenposeConfig", "OpenPose's JSON files", {}),
    ("initializer", "landmarks", "landmarks:LandmarksInitializerConfig", "inverse kinematics of 3D landmarks", _VIDEO),
    ("initializer", "lift", "lift.config:LiftConfig", "a network on 2D keypoints, with variances", _KEYPOINTS),
    ("initializer", "hmr2", "crops.configs:Hmr2Config", "HMR2.0, or results of 4D-Humans and PHALP", {}),
    ("initializer", "vibe", "crops.configs:VibeConfig", "VIBE, or its results", {}),
    ("initializer", "sam3d", "readers.configs:Sam3dConfig", "results of SAM 3D Body (MHR)", {}),
)


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The datasets, detectors and initializers of this package."""
    return [
        *(Component(kind, name, f"{_HERE}.{config}", summary, **more) for kind, name, config, summary, more in _ROWS),
        *(
            Component(
                "initializer", name, f"{_READERS}:ResultConfig", f"results of {of}", sets={"name": name, "usual": usual}
            )
            for name, of, usual in RESULTS
        ),
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Files for the detectors and initializers of this package."""
    from .weight_files import WEIGHTS

    return WEIGHTS


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt convert`` and ``diffopt train lift``."""
    from .lift.train.command import train as train_lift
    from .readers.command import convert

    command_group(app, "train").command("lift")(train_lift)
    app.command("convert", rich_help_panel="Bring your own")(convert)
