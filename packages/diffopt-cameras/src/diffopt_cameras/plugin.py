"""Components and weight files of this package."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, WeightFile, fixed, hookimpl

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


@hookimpl
def diffopt_components() -> Iterable[Component]:
    """The camera sources of this package."""
    return [
        *(
            Component("camera", name, f"{_HERE}.{config}", summary, default_for="video" if name == "klt" else None)
            for name, config, summary in (
                ("klt", "klt.config:KltConfig", "tracks on the background: rotation, odometry or colmap"),
                ("static", "static:StaticCameraConfig", "a static camera, checked on the images"),
                ("colmap", "colmap.config:ColmapConfig", "structure from motion by pycolmap"),
                ("droid", "droid.config:DroidConfig", "DROID-SLAM, or cameras saved by a SLAM system"),
            )
        ),
        *(
            Component(
                "camera",
                name,
                f"{_HERE}.droid.config:FileCameraConfig",
                f"cameras of {of}",
                sets={"name": name, "usual": usual},
            )
            for name, of, usual in FILES
        ),
        fixed("camera", "gt", f"{_HERE}.gt:TrueCamera", "the ground-truth camera of a clip"),
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Files for the camera sources of this package."""
    from .weight_files import WEIGHTS

    return WEIGHTS
