"""Cameras of nerfstudio, ARKit's apps and binary COLMAP; conventions told by keys; files from other machines."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.registry import Registry
from droid_files import (
    CENTRE,
    FOCAL,
    FRAMES,
    SIZE,
    clip_of,
    known_path,
    matrices,
    opengl,
    pose7,
    read,
    write_arkit,
    write_colmap,
    write_colmap_binary,
    write_nerfstudio,
)
from scipy.spatial.transform import Rotation
from test_droid_readers import assert_same


def test_write_nerfstudio(tmp_path, caplog):
    write_nerfstudio(tmp_path / "transforms.json", known_path())
    for path in (tmp_path / "transforms.json", tmp_path):
        camera = read(path, clip_of())
        assert_same(camera, known_path())
        assert camera.facts["format"] == "nerfstudio" and torch.allclose(camera.centre[0], torch.tensor(CENTRE))
    assert "count from 1" in caplog.text and "y up, z back" in caplog.text


def test_arkit(tmp_path):
    """A list of frames with matrices by columns; Record3D's quaternions. Metres, level."""
    T, K = opengl(known_path()), [FOCAL, 0, 0, 0, FOCAL, 0, *CENTRE, 1]
    write_arkit(tmp_path / "arkit.json", known_path())
    poses = np.concatenate([Rotation.from_matrix(T[:, :3, :3]).as_quat(), T[:, :3, 3]], 1)
    record = {"poses": poses.tolist(), "K": K, "w": SIZE[0], "h": SIZE[1]}
    (tmp_path / "metadata.json").write_text(json.dumps(record))
    for name in ("arkit.json", "metadata.json"):
        camera = read(tmp_path / name, clip_of())
        assert_same(camera, known_path())
        assert camera.metric and camera.level and torch.allclose(camera.focal, torch.tensor(FOCAL))


def test_polycam(tmp_path):
    folder = tmp_path / "keyframes" / "corrected_cameras"
    folder.mkdir(parents=True)
    for i, T in enumerate(opengl(known_path())):
        held = {f"t_{r}{c}": float(T[r, c]) for r in range(3) for c in range(4)}
        lens = {"fx": FOCAL, "fy": FOCAL, "cx": CENTRE[0], "cy": CENTRE[1], "width": SIZE[0], "height": SIZE[1]}
        (folder / f"{i:03d}.json").write_text(json.dumps(held | lens))
    assert_same(read(tmp_path, clip_of()), known_path())


def test_binary_colmap(tmp_path):
    write_colmap_binary(tmp_path / "images.bin", known_path())
    for path in (tmp_path, tmp_path / "images.bin", tmp_path / "cameras.bin"):
        camera = read(path, clip_of())
        assert_same(camera, known_path())
        assert torch.allclose(camera.focal, torch.tensor(FOCAL)) and camera.facts["format"] == "colmap-binary"
    data = (tmp_path / "images.bin").read_bytes()
    for end, problem in (
        (330, "ends within an entry"),
        (300, "without its terminating zero byte"),
        (8, "ends within an entry"),
    ):
        (tmp_path / "images.bin").write_bytes(data[:end])
        with pytest.raises(BadInput, match=problem):
            read(tmp_path, clip_of())
    (tmp_path / "images.bin").write_bytes(bytes(8))
    with pytest.raises(BadInput, match=r"images\.bin: images: contains no image"):
        read(tmp_path, clip_of())
    write_colmap_binary(tmp_path / "images.bin", known_path(), model=99)
    with pytest.raises(BadInput, match="model number 99"):
        read(tmp_path, clip_of())


@pytest.mark.needs("pycolmap")
def test_what_pycolmap_writes_is_read(tmp_path):
    import pycolmap

    write_colmap(tmp_path / "images.txt", known_path())
    (tmp_path / "points3D.txt").write_text("")
    model, out = pycolmap.Reconstruction(str(tmp_path)), tmp_path / "binary"
    out.mkdir()
    model.write_binary(str(out))
    assert_same(read(out, clip_of()), known_path())


def test_every_fifth_image_is_refused_with_the_stride(tmp_path):
    """Eight images, numbered from 1, of forty frames."""
    every = known_path()
    write_colmap_binary(tmp_path / "images.bin", type(every)(every.R[::5], every.t[::5]), names="{:04d}.jpg")
    with pytest.raises(BadInput, match=r"image 7 of 40 frames.*stride=N \(5 would fit\)"):
        read(tmp_path, clip_of())
    camera = read(tmp_path, clip_of(), stride=5)
    assert torch.allclose(camera.t[::5], torch.from_numpy(every.t[::5]).float(), atol=1e-4)


@pytest.mark.parametrize(("key", "back"), [("c2w", True), ("cam2world", True), ("w2c", False), ("extrinsics", False)])
def test_the_key_says_the_direction(tmp_path, key, back):
    known = known_path()
    np.savez(tmp_path / "cameras.npz", **{key: matrices(*(known.c2w if back else (known.R, known.t)))})
    assert_same(read(tmp_path / "cameras.npz"), known)


def test_the_direction_of_matrices_alone_is_asked_for(tmp_path):
    known = known_path()
    np.save(tmp_path / "poses.npy", matrices(known.R, known.t))
    with pytest.raises(BadInput, match=r"camera to world or world to camera.*camera\.direction=c2w"):
        read(tmp_path / "poses.npy")
    assert_same(read(tmp_path / "poses.npy", direction="w2c"), known)
    np.save(tmp_path / "my_c2w.npy", matrices(*known.c2w))
    assert_same(read(tmp_path / "my_c2w.npy"), known)


def test_decimal_commas(tmp_path):
    (tmp_path / "t.txt").write_text(lines(known_path()).replace(".", ","))
    assert_same(read(tmp_path / "t.txt"), known_path())
    (tmp_path / "t.csv").write_text(lines(known_path()).replace(" ", ","))
    assert_same(read(tmp_path / "t.csv"), known_path())


def lines(known, times=None) -> str:
    times = np.arange(FRAMES) / 30 if times is None else times
    rows = np.concatenate([np.asarray(times, dtype=np.float64)[:, None], pose7(*known.c2w)], 1)
    return "\n".join(" ".join(f"{value:.9f}" for value in row) for row in rows) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le-bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_of_other_machines(tmp_path, encoding, end):
    text = lines(known_path()).replace("\n", end)
    data = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)
    (tmp_path / "t.txt").write_bytes(data)
    assert_same(read(tmp_path / "t.txt"), known_path())


@pytest.mark.parametrize(("per", "unit"), [(1e9, "nanoseconds"), (1e6, "microseconds"), (1e3, "milliseconds")])
def test_times_of_a_clock(tmp_path, per, unit, caplog):
    """Every sixth frame, since 1970."""
    known, keys = known_path(), np.arange(0, FRAMES, 6)
    some = type(known)(known.R[keys], known.t[keys])
    rows = lines(some, np.round((1.7e9 + keys / 30) * per)).splitlines()
    (tmp_path / "t.txt").write_text("\n".join(row.replace(".000000000", "", 1) for row in rows))
    camera = read(tmp_path / "t.txt")
    assert np.flatnonzero(~camera.filled.numpy()).tolist() == keys.tolist()
    assert torch.allclose(camera.t[keys], torch.from_numpy(known.t[keys]).float(), atol=1e-4)
    assert unit in caplog.text and "clock times" in caplog.text


@pytest.mark.parametrize(
    ("held", "remedy"),
    [
        ({"smpl_thetas": [[0.0]]}, "ROMP"),
        ({"images": [], "annotations": []}, "--detector vitpose"),
        ([{"image_id": "0.jpg", "keypoints": [1.0] * 51}], "--detector vitpose"),
        ({"version": 1.3, "people": []}, "--detector openpose"),
        ({"rotation": [], "translation": []}, r"cameras\.npz"),
    ],
)
def test_files_that_are_no_cameras_are_named_with_the_remedy(tmp_path, held, remedy):
    (tmp_path / "x.json").write_text(json.dumps(held))
    with pytest.raises(BadInput, match=remedy):
        read(tmp_path / "x.json")


@pytest.mark.parametrize("name", ["wham", "tram", "nerfstudio"])
def test_a_systems_own_name_asks_for_its_file(name):
    registry = Registry.load()
    camera = registry.config("camera", name, {}).build(registry.context())
    with pytest.raises(MissingResource, match=f"--camera {name}=FILE"):
        camera.trajectory(clip_of(), clip_of().observations)


def test_a_model_is_read_under_colmaps_own_name(tmp_path):
    write_colmap_binary(tmp_path / "images.bin", known_path())
    registry = Registry.load()
    camera = registry.config("camera", "colmap", {"file": str(tmp_path)}).build(registry.context())
    assert_same(camera.trajectory(clip_of(), clip_of().observations), known_path())
