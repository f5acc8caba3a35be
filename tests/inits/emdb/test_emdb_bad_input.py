"""Files that cannot be used: one line with file and key, and nothing of them is run."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from diffopt_core.errors import BadInput, MissingResource
from diffopt_inits.emdb.config import EmdbConfig
from emdb_cases import sequence, write
from PIL import Image
from pydantic import ValidationError


def load(path, **options):
    return EmdbConfig(**options).build(None).load(path)  # type: ignore[arg-type]


@pytest.fixture
def data(models):
    return sequence(models)[0]


def put(data, key, value):
    *groups, last = key.split(".")
    for group in groups:
        data = data[group]
    if value is None:
        del data[last]
    else:
        data[last] = value


def changed(array, index, value):
    out = np.array(array)
    out[index] = value
    return out


KEYS = (
    "gender", "name", "emdb1", "emdb2", "n_frames", "good_frames_mask", "camera", "camera.intrinsics",
    "camera.extrinsics", "camera.width", "camera.height", "smpl", "smpl.poses_root", "smpl.poses_body", "smpl.trans",
    "smpl.betas", "kp2d", "bboxes", "bboxes.bboxes", "bboxes.invalid_idxs",
)  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_missed_by_name(data, tmp_path, key):
    put(data, key, None)
    with pytest.raises(BadInput, match=rf"_data\.pkl: {key}(\.\w+)?: is missing; the file has: ") as error:
        load(write(tmp_path, data))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("n_frames", 23, r"good_frames_mask: shape \(24,\), expected \(23,\) \(n_frames is 23\)"),
        ("n_frames", 0, "n_frames: is 0, expected a positive whole number"),
        ("n_frames", "many", "n_frames: is 'many'"),
        ("good_frames_mask", np.zeros(24, bool), "good_frames_mask: no frame is good"),
        ("smpl.poses_body", np.zeros((24, 63)), r"smpl\.poses_body: shape \(24, 63\), expected \(24, 69\)"),
        ("smpl.poses_root", np.zeros((20, 3)), r"smpl\.poses_root: shape \(20, 3\)"),
        ("smpl.betas", np.zeros(300), r"smpl\.betas: shape \(300,\), expected \(10,\)"),
        ("smpl.trans", changed(np.zeros((24, 3)), 7, np.nan), r"smpl\.trans: is not finite in 1 rows, the first is 7"),
        ("smpl.trans", np.array([["a"] * 3] * 24), r"smpl\.trans: holds <U1; expected numbers"),
        ("smpl", [1, 2], "smpl: holds list; expected a mapping"),
        ("kp2d", np.full((24, 24, 2), np.nan), "kp2d: is not finite"),
        ("kp2d", np.zeros((24, 24, 2)), r"kp2d: lies \d+ px \(median\)"),
        ("gender", "f", "gender: is 'f'; expected one of female, male, neutral"),
        ("gender", 3, "gender: holds int; expected text"),
        ("name", "../../elsewhere", "name: is '../../elsewhere'; expected a name such as"),
        ("emdb1", "yes", "emdb1: is 'yes', expected true or false"),
        ("camera.width", 0, "camera.width: is 0"),
        ("camera.intrinsics", np.eye(3)[::-1], r"camera\.intrinsics: is not a pinhole camera"),
        ("camera.extrinsics", np.tile(np.diag([1.0, 1, -1, 1]), (24, 1, 1)), r"camera\.extrinsics: are not rigid"),
        ("camera.extrinsics", np.tile(np.eye(4) * 2, (24, 1, 1)), r"camera\.extrinsics: are not rigid"),
        ("camera.extrinsics", np.zeros((24, 3, 4)), r"camera\.extrinsics: shape \(24, 3, 4\)"),
        (
            "bboxes.invalid_idxs",
            np.array([24]),
            r"bboxes\.invalid_idxs: holds invalid frame numbers; expected numbers below 24",
        ),
        ("bboxes.bboxes", np.full((24, 4), np.inf), r"bboxes\.bboxes: is not finite"),
    ],
)
def test_wrong_values_are_told_by_key(data, tmp_path, key, value, problem):
    put(data, key, value)
    with pytest.raises(BadInput, match=rf"P8_62_outdoor_walk_data\.pkl: {problem}"):
        load(write(tmp_path, data))


def test_cameras_the_other_way_round_are_noticed(data, tmp_path):
    data["camera"]["extrinsics"] = np.linalg.inv(data["camera"]["extrinsics"])
    with pytest.raises(BadInput, match=r"kp2d: lies \d+ px .*world-to-camera"):
        load(write(tmp_path, data))


def test_another_gender_under_this_name_is_noticed(data, smpl, tmp_path, caplog):
    (tmp_path / "smpl").mkdir()
    (tmp_path / "smpl" / "SMPL_FEMALE.npz").symlink_to(smpl / "SMPL_MALE.npz")
    load(write(tmp_path, data), smpl=tmp_path / "smpl")
    assert "is this SMPL's female model?" in caplog.text


@pytest.mark.parametrize("content", [[1, 2], "text", {"a": 1}])
def test_other_pickles(tmp_path, content):
    with pytest.raises(BadInput, match=r"_data\.pkl: "):
        load(write(tmp_path, content))


def test_a_truncated_pickle(data, tmp_path):
    path = write(tmp_path, data)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"P8_62_outdoor_walk_data\.pkl: pickle: "):
        load(path)


def test_a_hostile_pickle_is_not_run(data, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    with pytest.raises(BadInput, match="mkdir"):
        load(write(tmp_path, data | {"gender": Trap()}))
    assert not (tmp_path / "sprung").exists()
    objects = np.empty(24, object)
    with pytest.raises(BadInput, match="good_frames_mask"):
        load(write(tmp_path, data | {"good_frames_mask": objects}))


def test_a_file_that_is_none_of_emdb(tmp_path):
    dataset = EmdbConfig().build(None)  # type: ignore[arg-type]
    (tmp_path / "other_data.pkl").write_bytes(b"no pickle at all")
    (tmp_path / "empty_data.pkl").write_bytes(b"")
    (tmp_path / "results.pkl").write_bytes(pickle.dumps({}))
    for path in (*tmp_path.iterdir(), tmp_path, tmp_path / "absent_data.pkl", tmp_path / "absent_data.pkl#0:9"):
        assert not dataset.accepts(path), path
        with pytest.raises(BadInput, match="is not a sequence of EMDB"):
            dataset.load(path)


@pytest.mark.parametrize("gender", ["male", "female", "neutral"])
def test_without_the_file_of_this_gender(models, smpl, tmp_path, monkeypatch, gender):
    path = write(tmp_path, sequence(models, gender=gender)[0])
    other = tmp_path / "SMPL_OTHER.npz"
    other.symlink_to(smpl / "SMPL_NEUTRAL.npz")
    for place in (other, tmp_path):
        with pytest.raises(MissingResource) as error:
            load(path, smpl=place)
        line = str(error.value)
        for word in ("P8_62_outdoor_walk", gender, f"SMPL_{gender.upper()}.pkl", str(tmp_path), "smpl.is.tue.mpg.de",
                     "dataset.smpl=FOLDER", "DIFFOPT_SMPL", "dataset.truth=false"):  # fmt: skip
            assert word in line
        assert "\n" not in line
    monkeypatch.delenv("DIFFOPT_SMPL")
    with pytest.raises(MissingResource, match="no-weights"):
        load(path)
    monkeypatch.setenv("DIFFOPT_SMPL", str(smpl / "SMPL_NEUTRAL.npz"))
    assert load(path).truth is not None, "the file of another gender names the folder"


def test_images(data, tmp_path, caplog):
    path = write(tmp_path, data, images=24)
    images = path.parent / "images"
    (images / "00024.jpg").write_bytes((images / "00023.jpg").read_bytes())
    assert load(path).video.frames == tuple(range(24)) and "25 images for 24 frames" in caplog.text
    (images / "cover.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match="images that are not named"):
        load(path)
    (images / "cover.jpg").unlink()
    Image.new("RGB", (960, 720)).save(images / "00000.jpg")
    with pytest.raises(BadInput, match=r"960 x 720 px, but the camera of .* is calibrated for 1440 x 1920"):
        load(path)
    (images / "00003.jpg").unlink()
    with pytest.raises(BadInput, match=r"1 of 24 are missing, the first is 00003\.jpg"):
        load(path)
    for image in images.iterdir():
        image.unlink()
    images.rmdir()
    caplog.clear()
    assert load(path).video is None and "the clip has no video" in caplog.text


@pytest.mark.parametrize(
    ("span", "problem"),
    [
        ("0:25", "frames: 0:25 of 24 frames"),
        ("9:11", "frames: 9:11 of 24 frames; expected at least 3"),
        ("9:3", "frames: 9:3 of 24"),
        ("first", "is 'first'; expected START:STOP"),
        (":", "is ':'"),
        ("-3:9", "is '-3:9'"),
        ("3:9", "no frame of 3:9 is good"),
    ],
)
def test_parts(data, tmp_path, span, problem):
    data["good_frames_mask"][3:9] = False
    path = write(tmp_path, data)
    with pytest.raises(BadInput, match=problem):
        load(path.with_name(f"{path.name}#{span}"))


def test_options_that_contradict_one_another():
    for options in ({"protocol": "trimmed", "segment": 50}, {"protocol": "untrimmed", "subset": "emdb1"}):
        with pytest.raises(ValidationError, match="do not set them too"):
            EmdbConfig(**options)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="needs truth = true"):
        EmdbConfig(truth=False, keypoints="truth")
