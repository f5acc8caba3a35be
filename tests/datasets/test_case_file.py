"""Case files: what is written is read again bit for bit, and every spoilt file is refused by file and key."""

from __future__ import annotations

import dataclasses
import pickle
import zipfile

import numpy as np
import pytest
import torch
from diffopt_core.common.npz import read_npz, write_npz
from diffopt_core.data.rotation import geodesic
from diffopt_core.data.skeleton import LAYOUTS
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.parts.datasets.case_file import CaseDataset, arrays_of, read_case, write_case
from diffopt_core.parts.datasets.case_keys import CASE_KEYS
from diffopt_core.parts.datasets.configs import CaseConfig
from diffopt_core.parts.datasets.simulator.simulate import simulate
from diffopt_core.perception.cache import pack, unpack
from diffopt_core.types import CameraFrameBody, MotionEvidence
from goldens import beside
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
REQUIRED = sorted(key for key, spec in CASE_KEYS.items() if spec.required)
NUMBERS = sorted(key for key, spec in CASE_KEYS.items() if spec.required and spec.holds == "numbers")
TIMED = sorted(key for key, spec in CASE_KEYS.items() if spec.required and spec.shapes[0][:1] == ("T",))


def refused(path, key: str, *words: str) -> None:
    """The file is refused in one line that names it and the key."""
    with pytest.raises(BadInput) as caught:
        read_case(path)
    assert caught.value.key == key
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    for word in words:
        assert word in message


@st.composite
def cases(draw):
    """Any case that the format allows."""
    T = draw(st.integers(3, 12))
    layout = draw(st.sampled_from(sorted(LAYOUTS)))
    J = len(LAYOUTS[layout])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))

    def numbers(*shape, low=-3.0, high=3.0):
        return rng.uniform(low, high, shape).astype(dtype)

    basis = np.linalg.qr(rng.standard_normal((T, 3, 3)))[0]
    basis[:, :, 0] *= np.linalg.det(basis)[:, None]
    case = {
        "fps": np.array(draw(st.floats(1, 240)), dtype),
        "image_size": np.array([draw(st.integers(1, 8000)), draw(st.integers(1, 8000))]),
        "keypoints": np.concatenate([numbers(T, J, 2, low=0, high=2000), numbers(T, J, 1, low=0.01, high=1)], -1),
        "keypoint_layout": np.array(layout),
        "init_global_orient": numbers(T, 3),
        "init_body_pose": numbers(T, 23, 3),
        "init_betas": numbers(10) if draw(st.booleans()) else numbers(T, 10),
        "init_transl": numbers(T, 3) + np.array([0, 0, 5], dtype),
        "cam_R": basis.astype(dtype),
        "cam_t": numbers(T, 3),
        "cam_focal": numbers(T, 2, low=100, high=3000),
        "cam_centre": numbers(T, 2, low=0, high=1000),
        "cam_metric": np.array(draw(st.booleans())),
    }
    if draw(st.booleans()):
        case["rest_joints"] = numbers(24, 3)
    if draw(st.booleans()):
        valid = draw(hnp.arrays(bool, T))
        valid[draw(st.integers(0, T - 1))] = True
        case["valid"] = valid
        for key in ("init_global_orient", "init_body_pose", "init_transl"):
            case[key][~valid] = np.nan
    if draw(st.booleans()):
        case["betas_model"] = np.array("anny24")
    if draw(st.booleans()):
        case["landmarks"] = np.zeros((len(case["keypoints"]), 33, 4), np.float32)
        case["landmarks"][..., draw(st.integers(0, 3))] = draw(st.sampled_from([0.1, 0.9]))
    return case


@QUICK
@given(case=cases())
def test_round_trip_is_bit_for_bit(case, tmp_path):
    path = tmp_path / "any.npz"
    write_case(path, case)
    again = read_npz(path)
    assert again.keys() == case.keys()
    for key, value in case.items():
        assert again[key].dtype == value.dtype and again[key].shape == value.shape
        assert again[key].tobytes() == value.tobytes()
    first = path.read_bytes()
    write_case(path, again)
    assert path.read_bytes() == first, "the same case gives the same file"


@QUICK
@given(case=cases())
def test_any_case_gives_a_finite_clip(case, tmp_path):
    path = tmp_path / "any.npz"
    write_case(path, case)
    clip = read_case(path)
    T, valid = clip.num_frames, case.get("valid", np.ones(len(case["keypoints"]), bool))
    assert clip.observations.valid.tolist() == valid.tolist()
    assert (clip.observations.keypoints[~clip.observations.valid] == 0).all()
    for tensor in (clip.body.global_orient, clip.body.body_pose, clip.body.transl, clip.body.betas, clip.camera.t):
        assert torch.isfinite(tensor).all()
    assert clip.body.body_pose.shape == (T, 23, 3, 3) and clip.body.betas.shape == (10,)
    assert clip.body.betas_of == ("anny24" if "betas_model" in case else "smpl")
    again = arrays_of(clip)
    assert ("landmarks" in again) == ("landmarks" in case)
    if "landmarks" in case:
        assert np.array_equal(again["landmarks"][valid], case["landmarks"][valid])
    assert np.allclose(again["keypoints"][valid], case["keypoints"][valid])
    assert np.allclose(again["cam_R"], case["cam_R"], atol=1e-5)


def test_truth_is_found_beside_the_case_or_where_told(case, truth, tmp_path):
    files = write_case(tmp_path / "a.npz", case, truth)
    assert [str(file.relative_to(tmp_path)) for file in files] == ["a.npz", "truth/a.npz"]
    clip = CaseDataset(CaseConfig()).load(tmp_path / "a.npz")
    assert np.array_equal(clip.truth.joints.numpy(), truth["joints"])
    assert clip.truth.motion is not None and clip.truth.camera is not None and clip.truth.camera.metric
    assert clip.truth.extra["slam_scale"] == pytest.approx(float(truth["slam_scale"]))
    assert len(clip.sha256) == 64
    elsewhere = tmp_path / "b.npz"
    elsewhere.write_bytes((tmp_path / "a.npz").read_bytes())
    assert read_case(elsewhere).truth is None
    assert read_case(elsewhere, tmp_path / "truth" / "a.npz").truth is not None
    with pytest.raises(BadInput, match="does not exist"):
        read_case(elsewhere, tmp_path / "nowhere.npz")


@pytest.mark.parametrize("key", REQUIRED)
def test_missing_key(case, saved, key):
    del case[key]
    path = saved(case)
    assert CaseDataset(CaseConfig()).accepts(path), "it is still a case, and is told what it lacks"
    refused(path, key, "missing")


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(case, saved, key, bad):
    spoilt = case[key].astype(np.float32)
    spoilt.reshape(-1)[-1] = bad
    case[key] = spoilt
    refused(saved(case), key)


@pytest.mark.parametrize("key", REQUIRED)
def test_wrong_shape(case, saved, key):
    case[key] = np.stack([case[key], case[key]])
    refused(saved(case), key, "shape")


@pytest.mark.parametrize("key", TIMED)
def test_frames_disagree(case, saved, key):
    case[key] = case[key][:-1]
    with pytest.raises(BadInput) as caught:
        read_case(saved(case))
    assert "shape" in str(caught.value)
    assert key == "keypoints" or caught.value.key == key


@pytest.mark.parametrize("key", REQUIRED)
def test_pickles_are_refused(case, saved, key):
    case[key] = np.array([{"a": 1}], dtype=object)
    refused(saved(case), key, "pickle")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fps", 0.0), ("fps", -30.0), ("cam_focal", 0.0), ("cam_focal", -1000.0), ("image_size", 0),
    ],
)  # fmt: skip
def test_not_positive(case, saved, key, value):
    case[key] = np.full_like(case[key], value)
    refused(saved(case), key, "positive")


@pytest.mark.parametrize(("confidence", "what"), [(-0.1, "a confidence outside"), (1.5, "a confidence outside"),
                                                  (np.nan, "is not finite"), (np.inf, "is not finite")])  # fmt: skip
def test_confidence_out_of_range(case, saved, confidence, what):
    case["keypoints"][3, 2, 2] = confidence
    refused(saved(case), "keypoints", what)
    refused(saved(case), "keypoints", "in frame 3, keypoint 2")


def test_no_confidence_at_all(case, saved):
    case["keypoints"][..., 2] = 0
    refused(saved(case), "keypoints", "confidence")


def test_nan_keypoints_that_are_absent_are_accepted(case, saved):
    case["keypoints"][4, 7] = [np.nan, np.nan, 0.0]
    clip = read_case(saved(case))
    assert (clip.observations.keypoints[4, 7] == 0).all()


def test_unknown_layout_suggests_one(case, saved):
    case["keypoint_layout"] = np.array("coco_17")
    refused(saved(case), "keypoint_layout", "coco17")


def test_text_where_numbers_belong_and_the_reverse(case, saved):
    refused(saved(case | {"fps": np.array("30")}), "fps", "numbers")
    refused(saved(case | {"keypoint_layout": np.array(17)}), "keypoint_layout", "text")


@pytest.mark.parametrize("spoil", ["zero", "mirror", "scaled"])
def test_camera_rotations(case, saved, spoil):
    factor = {"zero": np.zeros((3, 3)), "mirror": np.diag([1.0, 1.0, -1.0]), "scaled": 1.1 * np.eye(3)}[spoil]
    case["cam_R"][5] = case["cam_R"][5] @ factor
    refused(saved(case), "cam_R", "rotation", "5")


def test_nobody_found(case, saved):
    case["valid"] = np.zeros(len(case["keypoints"]), bool)
    refused(saved(case), "valid", "not found in any frame")


def test_too_short(case, saved):
    frames = len(case["keypoints"])
    short = {k: v[:2] if v.shape[:1] == (frames,) else v for k, v in case.items()}
    refused(saved(short), "keypoints", "2 frames")


def test_behind_the_camera(case, saved):
    case["init_transl"] *= -1
    refused(saved(case), "init_transl", "behind")


def test_misspelt_option_is_not_lost(case, saved):
    case["rest_joint"] = case.pop("rest_joints")
    refused(saved(case), "rest_joint", "rest_joints")
    case.pop("rest_joint")
    read_case(saved(case | {"note": np.array("a producer's own key")}))


def test_spoilt_truth_names_its_own_file(case, truth, tmp_path):
    write_case(tmp_path / "a.npz", case, truth)
    np.savez(tmp_path / "truth" / "a.npz", **(truth | {"joints": truth["joints"][:-1]}))
    with pytest.raises(BadInput, match=r"truth/a\.npz: joints"):
        read_case(tmp_path / "a.npz")


@pytest.mark.parametrize("content", ["pickle", "text", "npy", "empty", "zip", "cut"])
def test_not_an_npz(case, tmp_path, content):
    path = tmp_path / "foreign.npz"
    if content == "pickle":
        path.write_bytes(pickle.dumps({"keypoints": 1}))
    elif content == "text":
        path.write_text("not a case")
    elif content == "npy":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    elif content == "empty":
        path.write_bytes(b"")
    elif content == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("keypoints.txt", "1 2 3")
    else:
        write_npz(path, case)
        path.write_bytes(path.read_bytes()[:-200])
    assert not CaseDataset(CaseConfig()).accepts(path)
    with pytest.raises(BadInput, match=r"foreign\.npz"):
        read_case(path)


def test_damaged_archive(case, tmp_path):
    path = tmp_path / "damaged.npz"
    write_npz(path, case)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(BadInput, match=r"damaged\.npz"):
        read_case(path)


def test_absent_file(tmp_path):
    with pytest.raises(BadInput, match="does not exist"):
        read_case(tmp_path / "nowhere.npz")


def test_a_bad_case_is_not_written(case, tmp_path):
    with pytest.raises(BadInput):
        write_case(tmp_path / "bad.npz", case | {"fps": np.array(0.0)})
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_named(case, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DiffOptError, match="file"):
        write_case(tmp_path / "file" / "a.npz", case)


def test_gaps_are_filled_between_neighbours(case, saved):
    before = read_case(saved(case)).body
    valid = np.ones(len(case["keypoints"]), bool)
    valid[[0, 1, 10, 11, 12, -1]] = False
    for key in ("init_global_orient", "init_body_pose", "init_transl"):
        case[key][~valid] = 1e30
    body = read_case(saved(case | {"valid": valid})).body
    assert torch.equal(body.transl[1], before.transl[2]) and torch.equal(body.transl[-1], before.transl[-2])
    assert torch.allclose(body.transl[11], (before.transl[9] + before.transl[13]) / 2, atol=1e-6)
    half = geodesic(body.global_orient[11], before.global_orient[9])
    assert torch.allclose(half, geodesic(before.global_orient[9], before.global_orient[13]) / 2, atol=1e-4)
    assert torch.equal(body.body_pose[valid], before.body_pose[valid])


def test_clip_without_evidence_cannot_be_a_case(walker):
    with pytest.raises(BadInput, match="observations"):
        arrays_of(walker)


@pytest.mark.parametrize("folder", [None, *beside("wild")])
def test_cases_of_a_folder(walker, tmp_path, folder):
    if folder is None:
        folder = tmp_path
        for seed in range(2):
            write_case(folder / f"case_{seed}.npz", *simulate(walker, seed=seed))
    for path in sorted(folder.glob("case_*.npz")):
        assert CaseDataset(CaseConfig()).accepts(path)
        clip = read_case(path)
        assert clip.num_frames == 100 and clip.truth is not None and clip.rest_joints is not None
        again = read_case(path, folder / "truth" / path.name)
        assert dataclasses.replace(again, truth=None).sha256 == clip.sha256


def test_what_the_program_decides_by_is_read_as_it_was_written(case, tmp_path):
    small = tmp_path / "small.npz"
    write_case(small, case)
    clip = read_case(small)
    assert (clip.camera.unit, clip.camera.travel, clip.body.poses_from) == ("guess", "travels", "regressor")
    filled = torch.arange(clip.num_frames) < 2
    told = dataclasses.replace(
        clip,
        camera=dataclasses.replace(clip.camera, unit="arbitrary", travel="unknown", trusted=False, filled=filled),
        body=dataclasses.replace(clip.body, poses_from="landmarks"),
    )
    write_case(tmp_path / "told.npz", arrays_of(told))
    again = read_case(tmp_path / "told.npz")
    assert (again.camera.unit, again.camera.travel, again.camera.trusted) == ("arbitrary", "unknown", False)
    assert torch.equal(again.camera.filled, filled) and again.body.poses_from == "landmarks"


def test_what_an_initializer_says_of_the_motion_is_read_as_it_was_written(case, tmp_path):
    write_case(tmp_path / "plain.npz", case)
    clip = read_case(tmp_path / "plain.npz")
    assert clip.body.evidence is None
    draw = torch.Generator().manual_seed(0)
    sizes = {name: (3,) for name in ("up", "velocity", "velocity_var")} | {"contact": (4,), "pose_var": (24,)}
    sizes |= {"up_var": (), "depth_var": ()}
    said = MotionEvidence(**{n: 0.1 + torch.rand(clip.num_frames, *size, generator=draw) for n, size in sizes.items()})
    told = dataclasses.replace(clip, body=dataclasses.replace(clip.body, evidence=said))
    write_case(tmp_path / "told.npz", arrays_of(told))
    again = read_case(tmp_path / "told.npz").body.evidence
    kept = unpack(CameraFrameBody, pack(told.body), tmp_path / "entry.npz").evidence
    for name in sizes:
        assert torch.equal(getattr(again, name), getattr(said, name)), name
        assert torch.equal(getattr(kept, name), getattr(said, name)), name
    part = {key: value for key, value in arrays_of(told).items() if key != "init_contact"}
    with pytest.raises(BadInput, match=r"init_contact.*all be present"):
        write_case(tmp_path / "part.npz", part)


@pytest.mark.parametrize(("key", "word"), [("cam_unit", "feet"), ("cam_unit", "metre"), ("cam_travel", "flies")])
def test_words_that_mean_nothing_here_are_refused(case, tmp_path, key, word):
    path = tmp_path / "odd.npz"
    write_npz(path, case | {key: np.array(word)})
    refused(path, key, word)
