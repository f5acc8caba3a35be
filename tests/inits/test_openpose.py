"""Detector ``openpose``: folders of JSON files, as OpenPose and as SLAHMR keep them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.data.skeleton import COCO17, OPENPOSE25
from diffopt_core.errors import BadInput, MissingResource
from diffopt_core.host.testing import DetectorContract
from diffopt_inits.detectors import OpenposeConfig
from diffopt_inits.layouts import COCO18
from people_cases import clip_of, context, person, write_video

N = 12


def write(folder: Path, *people: np.ndarray, start: int = 0, digits: int = 12, stem: str = "walk_") -> Path:
    """One file per frame; a person whose confidence is 0 throughout is left out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(len(people[0])):
        rows = [
            {"person_id": [-1], "pose_keypoints_2d": p[frame].reshape(-1).tolist()} for p in people if p[frame].any()
        ]
        name = f"{stem}{frame + start:0{digits}d}_keypoints.json"
        (folder / name).write_text(json.dumps({"version": 1.3, "people": rows}))
    return folder


def detect(folder: Path, clip=None, **options):
    return OpenposeConfig(file=folder, **options).build(context()).detect(clip or clip_of(N))


class TestOpenpose(DetectorContract):
    name = "openpose"

    @pytest.fixture(autouse=True)
    def files(self, tmp_path, monkeypatch):
        monkeypatch.setattr(type(self), "options", {"file": str(write(tmp_path / "json", person(12, 25, 200, (9, 9))))})


def test_body25_comes_back_as_it_is(tmp_path):
    points = person(N, 25, 90, (10, 20))
    seen = detect(write(tmp_path / "json", points))
    assert seen.layout == "openpose25" and seen.valid.all() and len(OPENPOSE25) == 25
    np.testing.assert_allclose(seen.keypoints, points, rtol=1e-6)
    assert seen.facts["person"]["among"] == {"0": N}


def test_coco18_is_put_in_order(tmp_path):
    points = person(N, 18, 90, (10, 20))
    seen = detect(write(tmp_path / "json", points))
    assert seen.layout == "coco17"
    for name in ("nose", "left_wrist", "right_ankle", "left_ear"):
        np.testing.assert_allclose(seen.keypoints[:, COCO17.index(name)], points[:, COCO18.index(name)], rtol=1e-6)


def test_of_several_people_the_one_asked_for_and_gaps_stay_gaps(tmp_path):
    near, far = person(N, 25, 150, (10, 20), 1), person(N, 25, 50, (200, 20), 2)
    near[4] = 0
    write(tmp_path / "json", near, far)
    seen = detect(tmp_path / "json")
    np.testing.assert_allclose(seen.keypoints, near, rtol=1e-6)
    assert seen.valid.tolist() == [frame != 4 for frame in range(N)]
    np.testing.assert_allclose(detect(tmp_path / "json", clip_of(N, person="longest")).keypoints, far, rtol=1e-6)


@pytest.mark.parametrize("start", [0, 1, 57])
def test_frames_may_count_from_anything_if_there_is_a_file_for_each(tmp_path, start):
    points = person(N, 25, 90, (10, 20))
    np.testing.assert_allclose(detect(write(tmp_path / "j", points, start=start)).keypoints, points, rtol=1e-6)


def test_missing_files_are_gaps_and_said(tmp_path, caplog):
    points = person(N, 25, 90, (10, 20))
    write(tmp_path / "json", points)
    (tmp_path / "json" / "walk_000000000003_keypoints.json").unlink()
    seen = detect(tmp_path / "json")
    assert not seen.valid[3] and seen.valid.sum() == N - 1 and seen.facts["frames_without_file"] == 1
    assert "no file for 1 of 12 frames" in caplog.text


def test_a_part_of_the_video(tmp_path):
    points = person(N, 25, 90, (10, 20))
    write(tmp_path / "json", points)
    clip = clip_of(0, write_video(tmp_path / "v.mkv", N), numbers=(4, 6, 8))
    np.testing.assert_allclose(detect(tmp_path / "json", clip).keypoints, points[4:9:2], rtol=1e-6)


def test_slahmrs_folder_has_a_folder_a_track_and_counts_from_one(tmp_path, caplog):
    near, far = person(N, 25, 90, (10, 20), 1), person(N, 25, 60, (200, 20), 2)
    for name, points in (("001", near), ("002", far)):
        write(tmp_path / name, points[2:9], start=3, digits=6, stem="")
    seen = detect(tmp_path, clip_of(N, person="002"))
    np.testing.assert_allclose(seen.keypoints[2:9], far[2:9], rtol=1e-6)
    assert seen.valid.tolist() == [2 <= frame < 9 for frame in range(N)]
    assert "count from 1" in caplog.text and seen.facts["person"]["among"] == {"001": 7, "002": 7}
    assert detect(tmp_path, clip_of(N, person="002"), first=0).valid[3:10].all()


def test_without_a_folder_it_says_how_to_make_one(tmp_path):
    with pytest.raises(MissingResource, match=r"--write_json FOLDER.*--detector openpose=FOLDER"):
        OpenposeConfig().build(context()).detect(clip_of(3))
    with pytest.raises(MissingResource, match="does not exist"):
        detect(tmp_path / "nowhere")


def spoil(text: str):
    return lambda folder: (folder / "walk_000000000005_keypoints.json").write_text(text)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (spoil("{"), r"5_keypoints\.json: JSON: cannot be read"),
        (spoil("{}"), r"5_keypoints\.json: people: is missing"),
        (spoil('{"people": [{}]}'), r"5_keypoints\.json: pose_keypoints_2d: missing"),
        (spoil('{"people": [{"pose_keypoints_2d": [1, 2]}]}'), r"2 numbers; expected 75"),
        (spoil(json.dumps({"people": [{"pose_keypoints_2d": [1.0] * 54}]})), "18 points, 25 in earlier files"),
        (spoil(json.dumps({"people": [{"pose_keypoints_2d": ["a"] * 75}]})), "not numbers"),
        (
            lambda f: (f / "walk_000000000012_keypoints.json").write_text('{"people": []}'),
            "cover frames 0 to 12 of 12 frames",
        ),
        (
            lambda f: (f / "other_000000000002_keypoints.json").write_text('{"people": []}'),
            "two files have the same frame number",
        ),
        (lambda f: (f / "walk_keypoints.json").write_text('{"people": []}'), "has no frame number"),
        (lambda f: [p.unlink() for p in f.iterdir()], "holds no .*_keypoints.json"),
        (lambda f: [p.write_text('{"people": []}') for p in f.iterdir()], "none of the 12 files has a person"),
    ],
)
def test_bad_folders(tmp_path, change, problem):
    change(write(tmp_path / "json", person(N, 25, 90, (10, 20))))
    with pytest.raises(BadInput, match=problem):
        detect(tmp_path / "json")


def test_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(BadInput, match="expected a folder"):
        detect(tmp_path / "x.json")
