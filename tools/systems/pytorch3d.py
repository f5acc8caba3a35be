"""PyTorch3D, built from source against torch 2.8 for the CPU: rotations, look_at, cameras, and its rasteriser in our
renderer. The build takes a quarter of an hour of one core or more, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from upstream import Place, Row

ROOT = Path(__file__).resolve().parents[2]
ROW = Row(
    "PyTorch3D",
    "github.com/facebookresearch/pytorch3d",
    (
        "torch==2.8.0", "setuptools", "wheel", "ninja", "iopath", "fvcore",
        f"{ROOT}/packages/diffopt-core", f"{ROOT}/plugins/diffopt-render", f"{ROOT}/plugins/diffopt-pytorch3d",
    ),
    random="rotations, a triangle mesh",
    tolerance={"px": 1e-3, "covered": 2e-3},
)  # fmt: skip
SIZE, COUNT = (160, 120), 9


def _inputs(seed: int) -> dict[str, np.ndarray]:
    """Rotations as three kinds of numbers, a camera's place and aim, and points before it."""
    draw = np.random.default_rng(seed)
    return {
        "vector": draw.normal(size=(COUNT, 3)), "quaternion": draw.normal(size=(COUNT, 4)),
        "rows": draw.normal(size=(COUNT, 6)), "place": np.array([1.5, 1.7, 4.0]), "aim": np.array([0.2, 0.9, 0.1]),
        "points": draw.normal([0, 1, 0], 0.5, (COUNT, 3)),
    }  # fmt: skip


def _shot(seed: int):
    """A cloud of coloured triangles and the camera that looks at it (in an environment with DiffOpt)."""
    import torch
    from diffopt_core.interfaces import Mesh, Shot
    from diffopt_core.parts.datasets.simulator.evidence import look_at
    from diffopt_core.types import CameraTrajectory

    given, draw = _inputs(seed), np.random.default_rng(seed + 1)
    R = look_at(given["place"], given["aim"], np.array(0.0)).astype(np.float32)
    t = -R @ given["place"].astype(np.float32)
    focal, centre = torch.tensor([150.0, 150.0]), torch.tensor([83.0, 57.0])
    camera = CameraTrajectory(torch.from_numpy(R), torch.from_numpy(t), focal, centre)
    corners = draw.normal(0, 0.4, (30, 3)).astype(np.float32) + np.array([0, 1, 0], np.float32)
    faces, colours = torch.arange(30).reshape(10, 3), torch.from_numpy(draw.uniform(0, 1, (30, 3)).astype(np.float32))
    return Shot((Mesh(torch.from_numpy(corners), faces, colours),), camera, SIZE)


def _drawn(seed: int, renderer: str) -> dict[str, np.ndarray]:
    from diffopt_core.host.registry import Registry

    registry = Registry.load()
    image = registry.build("renderer", renderer, {}, registry.context()).draw(_shot(seed)).astype(float) / 255
    return {"covered": np.array([image[..., 3].mean(), *(image[..., :3] * image[..., 3:]).mean((0, 1))])}


def make(place: Place) -> None:
    """The compiled extension, in the checkout."""
    if not list((place.source / "pytorch3d").glob("_C*.so")):
        subprocess.run([sys.executable, "setup.py", "build_ext", "--inplace"], cwd=place.source, check=True)


def theirs(place: Place) -> dict[str, np.ndarray]:
    import torch
    from diffopt_pytorch3d.renderer import camera_of
    from pytorch3d import transforms
    from pytorch3d.renderer import look_at_view_transform

    given = {key: torch.from_numpy(value).float() for key, value in _inputs(place.seed).items()}
    one = {name: given[name][None] for name in ("place", "aim")}
    R, T = look_at_view_transform(eye=one["place"], at=one["aim"], up=((0, 1, 0),))
    camera = camera_of(_shot(place.seed).camera, SIZE, torch.device("cpu"))
    screen = camera.transform_points_screen(given["points"], image_size=(SIZE[::-1],))[..., :2]
    subprocess.run([Path(sys.executable).with_name("diffopt"), "plugins", "check", "pytorch3d"], check=True)
    return {
        "vector": transforms.axis_angle_to_matrix(given["vector"]).numpy(),
        "quaternion": transforms.quaternion_to_matrix(given["quaternion"]).numpy(),
        "rows": transforms.rotation_6d_to_matrix(given["rows"]).numpy(),
        "look_at": R[0].numpy(), "place": T[0].numpy(), "px": screen.reshape(-1, 2).numpy(),
        **_drawn(place.seed, "pytorch3d"),
    }  # fmt: skip


def ours(place: Place) -> dict[str, np.ndarray]:
    """Our functions, in PyTorch3D's axes (x left, y up, points as rows); and our renderer on the CPU."""
    import torch
    from diffopt_core.data import rotation
    from diffopt_core.data.geometry import project, world_to_camera

    given = {key: torch.from_numpy(value).float() for key, value in _inputs(place.seed).items()}
    camera, turn = _shot(place.seed).camera, torch.tensor([-1.0, -1.0, 1.0])
    quaternion = given["quaternion"] / given["quaternion"].norm(dim=-1, keepdim=True)
    pixels = project(world_to_camera(given["points"], camera.R, camera.t), camera.focal, camera.centre)
    return {
        "vector": rotation.axis_angle_to_matrix(given["vector"]).numpy(),
        "quaternion": rotation.quaternion_to_matrix(quaternion.roll(-1, -1)).numpy(),  # theirs begins with w
        "rows": rotation.columns_to_matrix(given["rows"]).mT.numpy(),
        "look_at": (turn[:, None] * camera.R).T.numpy(), "place": (turn * camera.t).numpy(), "px": pixels.numpy(),
        **_drawn(place.seed, "embree"),
    }  # fmt: skip
