"""Components, weight files and commands of this package. Rows name config classes; nothing heavy is imported here.

Google publishes no checksums of its bundles; the digests below are those of version 1, as pinned by several projects.
That of the heavy model by itself is MediaPipe's own, in its build files.
Digests of hub models are those shown by the hub.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from diffopt_core.plugin import UNTESTED, Component, WeightFile, command_group, hookimpl, run_against

if TYPE_CHECKING:
    import typer

_BUNDLES = "https://storage.googleapis.com/mediapipe-models/pose_landmarker"
_APACHE = "Apache-2.0"


def _bundle(name: str, kind: str, summary: str, size: int, sha256: str) -> WeightFile:
    """A bundle of the backend ``tasks``."""
    file = f"pose_landmarker_{kind}"
    return WeightFile(
        name,
        summary,
        f"{file}.task",
        _APACHE,
        "https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker",
        urls=(f"{_BUNDLES}/{file}/float16/1/{file}.task",),
        sha256=sha256,
        size=size,
        used_by="detector mediapipe",
    )


def _hub(name: str, owner: str, summary: str, size: int, revision: str | None = None, sha256: str | None = None):
    return WeightFile(
        name,
        summary,
        name,
        _APACHE,
        f"https://huggingface.co/{owner}/{name}",
        hub=f"{owner}/{name}",
        revision=revision,
        sha256=sha256,
        size=size,
        used_by="detector vitpose",
    )


WEIGHTS: tuple[WeightFile, ...] = (
    WeightFile(
        "pose-landmarker-heavy",
        "BlazePose, large: the most accurate",
        "pose_landmark_heavy.tflite",
        _APACHE,
        "https://ai.google.dev/edge/mediapipe/solutions/vision/pose_landmarker",
        urls=("https://storage.googleapis.com/mediapipe-assets/pose_landmark_heavy.tflite",),
        npm="@mediapipe/pose@0.5.1675469404:pose_landmark_heavy.tflite",
        sha256="59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        size=27_709_200,
        used_by="detector mediapipe",
    ),
    _bundle(
        "pose-landmarker-lite",
        "lite",
        "BlazePose, small, for backend tasks",
        5_777_746,
        "59929e1d1ee95287735ddd833b19cf4ac46d29bc7afddbbf6753c459690d574a",
    ),
    _bundle(
        "pose-landmarker-full",
        "full",
        "BlazePose, middle, for backend tasks",
        9_398_198,
        "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
    ),
    _bundle(
        "pose-landmarker-heavy-task",
        "heavy",
        "BlazePose, large, for backend tasks",
        30_664_242,
        "64437af838a65d18e5ba7a0d39b465540069bc8aae8308de3e318aad31fcbc7b",
    ),
    _hub(
        "vitpose-base-simple",
        "usyd-community",
        "ViTPose-B, simple decoder",
        343_673_076,
        "a93ac0c67e0b7e2c55287d21d4c460c8f3c54d45",
        "85375373893ddd3641f3912821073e53f5435f9e966e1dca59d004454bfe4fdf",
    ),
    _hub("vitpose-base", "usyd-community", "ViTPose-B", 360_000_000),
    _hub("vitpose-plus-small", "usyd-community", "ViTPose++ S", 133_000_000),
    _hub("vitpose-plus-base", "usyd-community", "ViTPose++ B", 502_000_000),
    _hub("vitpose-plus-huge", "usyd-community", "ViTPose++ H", 3_600_000_000),
    _hub(
        "rtdetr_r50vd_coco_o365",
        "PekingU",
        "RT-DETR, boxes of people",
        172_000_000,
        "457857cec8ac28ddede40ecee9eed2beca321af8",
        "831c1c04317ad1a6f7bf5b9968b450894e64b3571011c871007ab25d38b49031",
    ),
    WeightFile(
        "hmr2",
        "HMR2.0b checkpoint and data of 4D-Humans",
        "hmr2_data.tar.gz",
        "MIT (code); trained on data for research, and needs SMPL, which has a licence of its own",
        "https://github.com/shubham-goel/4D-Humans",
        urls=(
            "https://people.eecs.berkeley.edu/~jathushan/projects/4dhumans/hmr2_data.tar.gz",
            "https://www.cs.utexas.edu/~pavlakos/4dhumans/hmr2_data.tar.gz",
        ),
        size=2_500_000_000,
        used_by="initializer hmr2",
        then="Unpack it where the package hmr2 looks: mkdir -p ~/.cache/4DHumans && tar -xzf FILE -C ~/.cache/4DHumans",
    ),
    WeightFile(
        "vibe",
        "VIBE, trained without 3DPW",
        "vibe_model_wo_3dpw.pth.tar",
        "Max Planck non-commercial research licence",
        "https://github.com/mkocabas/VIBE/blob/master/LICENSE",
        urls=("https://www.dropbox.com/s/amj2p8bmf6g56k6/vibe_model_wo_3dpw.pth.tar?dl=1",),
        used_by="initializer vibe",
        then="The rest of vibe_data (SPIN, SMPL) comes with VIBE's own scripts/prepare_data.sh.",
    ),
)
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
#: Components that run or read other systems.
UPSTREAM = {
    "hmr2": run_against("4D-Humans", "6ec7965"),
    "vibe": run_against("VIBE", "851f779"),
    "vitpose": run_against("transformers", "5.24.0"),
    "mediapipe": run_against("mediapipe", "0.10.21"),
    "wham": run_against("WHAM", "2b54f77"),
    "gvhmr": run_against("GVHMR", "44fbc19"),
    "tram": run_against("TRAM", "4861c11"),
    "prompthmr": run_against("PromptHMR", "ea85d0a"),
    **dict.fromkeys(("openpose", "sam3d", "gemx", "slahmr", "glamr"), UNTESTED),
}
_VIDEO: dict[str, Any] = {"default_for": "video"}
_KEYPOINTS: dict[str, Any] = {"default_for": "keypoints"}
_TABLES: dict[str, Any] = {"in_tables": {"protocol": "trimmed"}}
_ROWS: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    ("dataset", "landmarks", "landmarks:LandmarksDatasetConfig", "BlazePose landmarks (*.landmarks.npz)", {}),
    ("dataset", "emdb", "emdb.config:EmdbConfig", "a sequence of EMDB, whole or by segments", _TABLES),
    ("detector", "mediapipe", "detectors:MediapipeConfig", "BlazePose on the CPU, 2D and 3D", _VIDEO),
    ("detector", "vitpose", "detectors:VitposeConfig", "ViTPose, or its result files", {}),
    ("detector", "openpose", "detectors:OpenposeConfig", "OpenPose's JSON files", {}),
    ("initializer", "landmarks", "landmarks:LandmarksInitializerConfig", "inverse kinematics of 3D landmarks", _VIDEO),
    ("initializer", "lift", "lift.config:LiftConfig", "a network on 2D keypoints, with variances", _KEYPOINTS),
    ("initializer", "hmr2", "readers.configs:Hmr2Config", "HMR2.0, or results of 4D-Humans and PHALP", {}),
    ("initializer", "vibe", "readers.configs:VibeConfig", "VIBE, or its results", {}),
    ("initializer", "sam3d", "readers.configs:Sam3dConfig", "results of SAM 3D Body (MHR)", {}),
)


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The datasets, detectors and initializers of this package."""
    return [
        *(
            Component(kind, name, f"{_HERE}.{config}", summary, upstream=UPSTREAM.get(name, ""), **more)
            for kind, name, config, summary, more in _ROWS
        ),
        *(
            Component(
                "initializer",
                name,
                f"{_READERS}:ResultConfig",
                f"results of {of}",
                sets={"name": name, "usual": usual},
                upstream=UPSTREAM[name],
            )
            for name, of, usual in RESULTS
        ),
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Files for the detectors and initializers of this package."""
    return WEIGHTS


@hookimpl
def diffopt_commands(app: typer.Typer) -> None:
    """``diffopt convert`` and ``diffopt train lift``."""
    from .lift.train.command import train as train_lift
    from .readers.command import convert

    command_group(app, "train").command("lift")(train_lift)
    app.command("convert", rich_help_panel="Bring your own")(convert)
