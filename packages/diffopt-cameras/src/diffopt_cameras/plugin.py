"""Components and weight files of this package."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import UNTESTED, Component, WeightFile, fixed, hookimpl, run_against

#: The authors publish no digest; this one is pinned by several projects that use the file.
WEIGHTS: tuple[WeightFile, ...] = (
    WeightFile(
        "droid",
        "DROID-SLAM",
        "droid.pth",
        "BSD-3-Clause",
        "https://github.com/princeton-vl/DROID-SLAM/blob/main/LICENSE",
        urls=(
            "https://drive.usercontent.google.com/download?id=1PpqVt1H4maBa_GbPJp4NwxRsd9jk-elh&export=download&confirm=t",
        ),
        sha256="46476ef64cde45a97504910d6f3de2eef7b398ec1c6e4e668815c29076024526",
        size=16_061_701,
        used_by="camera droid",
    ),
)
_HERE = "diffopt_cameras"

#: Systems with a camera file reader: name, title, usual file.
FILES = (
    ("wham", "WHAM", "wham_output.pkl, or slam_results.pth"),
    ("gvhmr", "GVHMR and GEM", "hmr4d_results.pt, or preprocess/slam.pt"),
    ("tram", "TRAM", "camera.npy, or the folder results/SEQUENCE"),
    ("slahmr", "SLAHMR", "motion_chunks/..._world_results.npz, or cameras.npz"),
    ("glamr", "GLAMR", "SEQUENCE_seed1.pkl"),
    ("prompthmr", "PromptHMR", "results.pkl"),
    ("dpvo", "DPVO", "its poses, or a text file in TUM's format"),
    ("tum", "TUM's text format", "time tx ty tz qx qy qz qw, a line per frame"),
    ("kitti", "KITTI's text format", "twelve numbers per line"),
    ("nerfstudio", "nerfstudio and instant-ngp", "transforms.json"),
    ("arkit", "ARKit's apps", "Record3D's metadata.json, Polycam's folder, or frames with a transform"),
)
#: Cameras that other systems give.
UPSTREAM = {
    "droid": run_against("DROID-SLAM", "2dfd39f") + ", by import: its CUDA extension never ran",
    "wham": run_against("WHAM", "2b54f77"),
    "gvhmr": run_against("GVHMR", "44fbc19"),
    "tram": run_against("TRAM", "4861c11"),
    "prompthmr": run_against("PromptHMR", "ea85d0a"),
    **dict.fromkeys(("slahmr", "glamr", "dpvo", "nerfstudio", "arkit"), UNTESTED),
}


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The camera sources of this package."""
    return [
        *(
            Component(
                "camera",
                name,
                f"{_HERE}.{config}",
                summary,
                default_for="video" if name == "klt" else None,
                upstream=UPSTREAM.get(name, ""),
            )
            for name, config, summary in (
                ("klt", "configs:KltConfig", "tracks on the background: rotation, odometry or colmap"),
                ("static", "configs:StaticCameraConfig", "a static camera, checked on the images"),
                ("colmap", "configs:ColmapConfig", "structure from motion by pycolmap"),
                ("droid", "configs:DroidConfig", "DROID-SLAM, or cameras saved by a SLAM system"),
                ("result", "configs:ResultConfig", "the camera of a result, as solved: another person in its world"),
            )
        ),
        *(
            Component(
                "camera",
                name,
                f"{_HERE}.configs:FileCameraConfig",
                f"cameras of {of}",
                sets={"name": name, "usual": usual},
                upstream=UPSTREAM.get(name, ""),
            )
            for name, of, usual in FILES
        ),
        fixed("camera", "gt", f"{_HERE}.gt:TrueCamera", "the ground-truth camera of a clip"),
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Files for the camera sources of this package."""
    return WEIGHTS
