"""What this package offers to the host."""

from __future__ import annotations

from collections.abc import Iterable

from diffopt_core.plugin import Component, WeightFile, fixed, hookimpl

_HERE = "diffopt_cameras"

#: Systems whose cameras are read as they are: name, what it stands for, what the file is usually called.
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
                ("static", "static:StaticCameraConfig", "a camera that stands still, checked on the images"),
                ("colmap", "colmap.config:ColmapConfig", "structure from motion by pycolmap"),
                ("droid", "droid.config:DroidConfig", "DROID-SLAM, or the cameras that a SLAM system saved"),
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
        fixed("camera", "gt", f"{_HERE}.gt:TrueCamera", "the true camera of a clip that has a truth"),
    ]


@hookimpl
def diffopt_weights() -> Iterable[WeightFile]:
    """Files for the camera sources of this package."""
    from .weight_files import WEIGHTS

    return WEIGHTS
