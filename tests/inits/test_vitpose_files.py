"""Detector ``vitpose`` with files, each written as its tool writes it from known keypoints."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.testing import DetectorContract
from diffopt_inits.detectors import VitposeConfig
from people_cases import clip_of, context, person

N = 12
NEAR, FAR = person(N, 17, 120, (10, 20), 1), person(N, 17, 50, (200, 20), 2)


def detect(path: Path, clip=None):
    return VitposeConfig(file=path).build(context()).detect(clip or clip_of(N))


def array(path: Path) -> Path:
    np.save(path.with_suffix(".npy"), NEAR.astype(np.float32))
    return path.with_suffix(".npy")


def gvhmr(path: Path) -> Path:
    torch.save(torch.from_numpy(NEAR).float(), path.with_suffix(".pt"))
    return path.with_suffix(".pt")


def wham(path: Path) -> Path:
    def track(points):
        rows = len(points)
        return {"frame_id": np.arange(rows), "bbox": np.ones((rows, 3)), "keypoints": points, "features": [1]}

    joblib.dump({0: track(FAR[:8]), 3: track(NEAR)}, path.with_suffix(".pth"))
    return path.with_suffix(".pth")


def mmpose0(path: Path, ids: bool = True) -> Path:
    def one(points, i, name):
        return {"keypoints": points[i], "bbox": np.array([0, 0, 9, 9, 0.9]), **({"track_id": name} if ids else {})}

    frames = [[one(FAR, i, 1), one(NEAR, i, 2)] for i in range(N)]
    path.with_suffix(".pkl").write_bytes(pickle.dumps(frames))
    return path.with_suffix(".pkl")


def mmpose0_unnamed(path: Path) -> Path:
    return mmpose0(path, ids=False)


def mmpose1(path: Path) -> Path:
    def one(points, i):
        return {
            "keypoints": points[i, :, :2].tolist(),
            "keypoint_scores": points[i, :, 2].tolist(),
            "bbox": [[0, 0, 1, 1]],
        }

    frames = [{"frame_id": i, "instances": [one(NEAR, i), one(FAR, i)]} for i in range(N)]
    path.with_suffix(".json").write_text(json.dumps({"meta_info": {}, "instance_info": frames}))
    return path.with_suffix(".json")


@pytest.mark.parametrize("write", [array, gvhmr, wham, mmpose0, mmpose0_unnamed, mmpose1])
def test_keypoints_come_back_from_each_format(tmp_path, write):
    seen = detect(write(tmp_path / "result"))
    assert seen.layout == "coco17" and seen.valid.all()
    np.testing.assert_allclose(seen.keypoints, NEAR, rtol=1e-5)
    assert seen.facts["person"]["by"] == "largest" and seen.facts["file"]


def test_a_track_by_its_name_and_frames_that_it_lacks(tmp_path):
    seen = detect(wham(tmp_path / "result"), clip_of(N, person="0"))
    assert seen.valid.tolist() == [frame < 8 for frame in range(N)]
    np.testing.assert_allclose(seen.keypoints[:8], FAR[:8], rtol=1e-5)


def test_slahmrs_folder_is_read_too(tmp_path):
    points = person(N, 25, 90, (10, 20))
    (tmp_path / "001").mkdir()
    for i in range(N):
        rows = {"people": [{"pose_keypoints_2d": points[i].reshape(-1).tolist()}]}
        (tmp_path / "001" / f"{i + 1:06d}_keypoints.json").write_text(json.dumps(rows))
    seen = detect(tmp_path)
    assert seen.layout == "openpose25"
    np.testing.assert_allclose(seen.keypoints, points, rtol=1e-6)


class TestVitpose(DetectorContract):
    name = "vitpose"

    @pytest.fixture(autouse=True)
    def files(self, tmp_path, monkeypatch):
        monkeypatch.setattr(type(self), "options", {"file": str(array(tmp_path / "result"))})


def dump(content):
    def write(path: Path) -> Path:
        joblib.dump(content, path)
        return path

    return write


TRACK = {"frame_id": np.arange(N), "keypoints": NEAR}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (NEAR[:7], r"frames: 7 frames for 12 frames"),
        (NEAR[..., :2], r"shape \(12, 17, 2\), expected"),
        (person(N, 22, 90, (0, 0)), r"22 points per person; known: 17 \(COCO or Human3.6M\)"),
        ({}, "the file has no track"),
        ({1: {"pose": 1}}, r"1: no track with frame_id and keypoints \(it is pose\)"),
        ({1: {**TRACK, "frame_id": np.arange(5)}}, r"1\.frame_id: 5 frames for 12 rows"),
        ({1: {**TRACK, "frame_id": np.zeros(N, int)}}, "frame numbers must rise"),
        ({1: {**TRACK, "frame_id": np.arange(N) + 0.5}}, "must be whole"),
        ({1: {**TRACK, "frame_id": 2 * np.arange(N) + 5}}, "frames 5 to 27, the clip has 12"),
        ([], "the list is empty"),
        ([[]] * N, "none of the 12 frames has a person"),
        ([[{"keypoints": NEAR[0]}]] * 5, "frames: 5 frames for 12 frames"),
        ([{"keypoints": NEAR[0]}], "people of one image only"),
        ([[{"bbox": 1}]] * N, "a person without keypoints"),
        ([[{"keypoints": NEAR[0], "track_id": 1}] * 2] * N, "a track occurs twice in one frame"),
        ("text", "content: a str"),
    ],
)
def test_bad_files(tmp_path, content, problem):
    with pytest.raises(BadInput, match=problem):
        detect(dump(content)(tmp_path / "result.pth"))


def test_files_that_are_none(tmp_path):
    with pytest.raises(MissingResource, match="does not exist"):
        detect(tmp_path / "nowhere.pt")
    for name, text in (("a.json", "{"), ("b.pt", "not torch"), ("c.npy", "")):
        (tmp_path / name).write_text(text)
        with pytest.raises(BadInput, match=name):
            detect(tmp_path / name)


class Evil:
    def __reduce__(self):
        return (print, ("run!",))


def test_nothing_in_a_file_is_run(tmp_path, capsys):
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps([Evil()]))
    with pytest.raises(BadInput, match="print"):
        detect(tmp_path / "evil.pkl")
    assert "run!" not in capsys.readouterr().out


def flat(points: np.ndarray, **more) -> list[dict]:
    return [{"keypoints": row.ravel().tolist(), "score": 1.0, **{k: v(i) for k, v in more.items()}}
            for i, row in enumerate(points)]  # fmt: skip


@pytest.mark.parametrize(
    "image",
    [lambda i: f"{i}.jpg", lambda i: f"frame_{i + 1:03d}.png", lambda i: i, lambda i: 100 + i],
    ids=["alphapose", "from one", "coco", "from a hundred"],
)
def test_people_by_image(tmp_path, image):
    """AlphaPose's and COCO's results: one list of people, in any order."""
    people = flat(NEAR, image_id=image, idx=lambda i: 1) + flat(FAR, image_id=image, idx=lambda i: 2)
    (tmp_path / "alphapose-results.json").write_text(json.dumps(people[::-1]))
    seen = detect(tmp_path / "alphapose-results.json")
    np.testing.assert_allclose(seen.keypoints, NEAR, rtol=1e-4)
    assert seen.facts["person"]["among"] == {"1": N, "2": N}


def test_cocos_annotations(tmp_path):
    images = [{"id": 7 * i, "file_name": f"{i}.jpg"} for i in range(N)]
    points = NEAR.copy()
    points[..., 2] = 2
    people = flat(points, image_id=lambda i: 7 * i)
    (tmp_path / "a.json").write_text(json.dumps({"images": images, "annotations": people}))
    seen = detect(tmp_path / "a.json")
    np.testing.assert_allclose(seen.keypoints[..., :2], NEAR[..., :2], rtol=1e-4)
    assert (seen.keypoints[..., 2] == 1).all()


def test_mmposes_demo_counts_from_one(tmp_path, caplog):
    frames = [{"frame_id": i + 1, "instances": [{"keypoints": row[:, :2].tolist(), "keypoint_scores": [9.0] * 17}]}
              for i, row in enumerate(NEAR)]  # fmt: skip
    (tmp_path / "r.json").write_text(json.dumps({"meta_info": {}, "instance_info": frames}))
    seen = detect(tmp_path / "r.json")
    np.testing.assert_allclose(seen.keypoints[..., :2], NEAR[..., :2], rtol=1e-4)
    assert "count from 1" in caplog.text and "RTMPose" in caplog.text and (seen.keypoints[..., 2] == 1).all()


def test_scores_beside_the_points(tmp_path):
    np.savez(tmp_path / "rtm.npz", keypoints=NEAR[..., :2], scores=NEAR[..., 2])
    np.testing.assert_allclose(detect(tmp_path / "rtm.npz").keypoints, NEAR, rtol=1e-5)


@pytest.mark.parametrize(("count", "layout", "toe"), [(26, "HALPE-26", 20), (133, "WholeBody", 17), (136, "HALPE", 20)])
def test_layouts_with_feet(tmp_path, caplog, count, layout, toe):
    points = person(N, count, 120, (10, 20), 1)
    np.save(tmp_path / "k.npy", points)
    seen = detect(tmp_path / "k.npy")
    assert seen.layout == "openpose25b" and layout in caplog.text
    np.testing.assert_allclose(seen.keypoints[:, :17], points[:, :17], rtol=1e-5)
    np.testing.assert_allclose(seen.keypoints[:, 19], points[:, toe], rtol=1e-5)  # the left big toe


def test_human36ms_seventeen_are_told_from_cocos_by_their_middle_points(tmp_path, caplog):
    points = person(N, 17, 120, (10, 20), 1)
    points[:, 0] = (points[:, 1] + points[:, 4]) / 2
    points[:, 8] = (points[:, 11] + points[:, 14]) / 2
    np.save(tmp_path / "k.npy", points)
    seen = detect(tmp_path / "k.npy")
    np.testing.assert_allclose(seen.keypoints[:, [5, 6, 11, 16]], points[:, [11, 14, 4, 3]], rtol=1e-5)
    assert "Human3.6M" in caplog.text and not seen.keypoints[:, :5, 2].any()
