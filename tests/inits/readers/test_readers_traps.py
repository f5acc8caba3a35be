"""What goes wrong with these files in the wild: each trap is met, aloud."""

from __future__ import annotations

import json
import pickle

import joblib
import numpy as np
import pytest
import reader_cases as cases
import torch
from diffopt_core.common.unpickle import read_foreign
from diffopt_core.errors import BadInput, MissingResource, UnknownName
from diffopt_core.parts.bodies.smpl import ENVIRONMENT
from diffopt_core.types import Video
from diffopt_formats.systems import read_tracks
from diffopt_inits.readers.body import body_of
from diffopt_inits.readers.motion import write_motion
from scipy.spatial.transform import Rotation


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)


@pytest.fixture
def k():
    return cases.make(3, n=24)


def change(file, edit):
    """The same file with its content edited."""
    held = read_foreign(file)
    edit(held)
    if file.suffix == ".npz":
        np.savez(file, **held)
    elif file.suffix == ".npy":
        np.save(file, held)
    elif file.suffix == ".pt":
        torch.save({a: {b: torch.tensor(c) for b, c in v.items()} if isinstance(v, dict) and a != "net_outputs" else v
                    for a, v in held.items() if a != "net_outputs"}, file)  # fmt: skip
    else:
        joblib.dump(held, file)
    return file


# ------------------------------------------------------------------------------------------------ people and frames


def several(k, folder):
    """Person 5 is near and brief, person 8 far and long."""
    near, far = slice(0, 10), slice(2, 22)
    small = cases.vibe_person(k, far)
    small["orig_cam"] = small["orig_cam"] * [[0.2, 0.2, 1, 1]]
    small["bboxes"] = small["bboxes"] * [[1, 1, 0.2, 0.2]]
    del small["pred_cam"]
    file = folder / "vibe_output.pkl"
    joblib.dump({5: cases.vibe_person(k, near), 8: small}, file)
    return file


@pytest.mark.parametrize(("person", "chosen"), [("largest", "5"), ("longest", "8"), ("8", "8")])
def test_several_people(k, person, chosen, tmp_path, caplog):
    clip = cases.clip_of(k.n, focal=cases.FOCAL, person=person)
    body = body_of(read_tracks(several(k, tmp_path)), clip)
    assert body.facts["person"] == {"id": chosen, "by": person, "among": {"5": 10, "8": 20}}
    told = "2 people" in caplog.text and "8 (20 frames)" in caplog.text
    assert told is (person != "8")  # who is asked for by name is no news


def test_an_unknown_person_is_answered_with_those_there(k, tmp_path):
    with pytest.raises(UnknownName, match="Known: 5, 8"):
        body_of(read_tracks(several(k, tmp_path)), cases.clip_of(k.n, person="6"))


def test_gaps_are_filled_and_flagged(k, tmp_path, caplog):
    rows = np.r_[3:10, 14:24]
    file = tmp_path / "wham_output.pkl"
    joblib.dump({0: cases.wham_person(k, rows)}, file)
    body = body_of(read_tracks(file), cases.clip_of(k.n))
    assert body.facts["filled"] == [0, 1, 2, 10, 11, 12, 13]
    np.testing.assert_allclose(body.transl[0], k.pelvis_cam[3], atol=1e-4)  # held at the ends
    half = (k.pelvis_cam[9] * 3 + k.pelvis_cam[14] * 2) / 5
    np.testing.assert_allclose(body.transl[11], half, atol=1e-4)
    assert torch.allclose(torch.linalg.det(body.body_pose), torch.tensor(1.0), atol=1e-4)
    assert "absent in 7 of 24 frames" in caplog.text


@pytest.mark.parametrize("tool", ["gvhmr", "slahmr", "glamr", "prompthmr", "tram", "hmr2"])
@pytest.mark.parametrize("frames", [10, 90])
def test_another_number_of_frames_names_both(k, tool, frames, tmp_path):
    tracks = read_tracks(cases.TOOLS[tool][0](k, tmp_path))
    with pytest.raises(BadInput, match=rf"24 frames, the clip has {frames}") as caught:
        body_of(tracks, cases.clip_of(frames))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tool", ["wham", "vibe"])
def test_a_track_beyond_the_clip(k, tool, tmp_path):
    with pytest.raises(BadInput, match="24 frames, the clip has 12"):
        body_of(read_tracks(cases.TOOLS[tool][0](k, tmp_path)), cases.clip_of(12))


def video_clip(k, frames, source, folder):
    return cases.clip_of(len(frames), video=Video(folder / "walk.mp4", tuple(frames), cases.SIZE, length=source))


def test_another_video(k, tmp_path, caplog):
    tracks = read_tracks(cases.gvhmr(k, tmp_path))
    with pytest.raises(BadInput, match=r"24 frames.*frame 40 of walk\.mp4"):
        body_of(tracks, video_clip(k, range(40), 40, tmp_path))
    with pytest.raises(BadInput, match=r"24 frames, walk\.mp4 has 15"):
        body_of(tracks, video_clip(k, range(15), 15, tmp_path))
    body_of(tracks, video_clip(k, range(23), 23, tmp_path))  # decoders differ by a frame
    assert "24 frames, walk.mp4 has 23" in caplog.text


def test_nobody_in_this_part(k, tmp_path):
    file = tmp_path / "w.pkl"
    joblib.dump({0: cases.wham_person(k, slice(0, 5))}, file)
    with pytest.raises(BadInput, match="frames 0 to 4; none of them"):
        body_of(read_tracks(file), video_clip(k, range(10, 20), 24, tmp_path))


# ------------------------------------------------------------------------------------------------ conventions


def test_ids_with_and_without_leading_zeros(k, tmp_path):
    file = cases.slahmr(k, tmp_path, people=2)
    tracks = {"012": {"index": 1, "vis_mask": [True] * k.n}, "004": {"index": 0, "vis_mask": [True] * k.n}}
    held = {"tracks": tracks, "meta": {"seq_interval": [0, k.n], "data_interval": [0, k.n]}}
    (tmp_path / "track_info.json").write_text(json.dumps(held))
    for person in ("12", "012"):
        assert body_of(read_tracks(file), cases.clip_of(k.n, person=person)).facts["person"]["id"] == "012"


def test_phalp_predicted_tracks_are_left_out(k, tmp_path):
    """``tid`` lists the person who was only predicted, too; a frame in which nobody was seen is a gap."""
    held = {f"{i:06d}.jpg": cases.phalp_frame(k, i, tracked=(1,) if i != 4 else ()) for i in range(k.n)}
    joblib.dump(held, tmp_path / "p.pkl", compress=3)
    (track,) = read_tracks(tmp_path / "p.pkl")
    assert read_tracks(tmp_path / "p.pkl", "4dhumans")[0].id == "1"
    assert track.id == "1" and 4 not in track.frames and len(track.frames) == 23 and track.total == 24


def test_wham_with_y_down_is_turned_aloud(k, tmp_path, caplog):
    """The evaluator's world; the demo's has Y up."""

    def down(held):
        p = np.array(cases.PELVIS["smpl"])
        pose, trans = held[0]["pose_world"], held[0]["trans_world"]
        root = cases.FLIP @ Rotation.from_rotvec(pose[:, :3]).as_matrix()
        pose[:, :3] = cases.aa(root)
        held[0]["trans_world"] = (trans + p) @ cases.FLIP - p

    write_motion(change(cases.wham(k, tmp_path), down), tmp_path / "m.npz", fps=30)
    with np.load(tmp_path / "m.npz") as held:
        np.testing.assert_allclose(held["transl"], k.pelvis, atol=1e-4)
        assert "flipped" in str(held["axes"])
    assert "Y down" in caplog.text


def test_tram_is_camera_to_world_and_slahmr_world_to_camera(k, tmp_path):
    """Read the wrong way round, the person is elsewhere: the files of both give the same motion."""
    (tmp_path / "a").mkdir()
    for i, file in enumerate((cases.tram(k, tmp_path / "a"), cases.slahmr(k, tmp_path))):
        write_motion(file, tmp_path / f"{i}.npz", fps=30)
    with np.load(tmp_path / "0.npz") as tram, np.load(tmp_path / "1.npz") as slahmr:
        for key in ("transl", "global_orient", "cam_R", "cam_t"):
            np.testing.assert_allclose(tram[key], slahmr[key], atol=5e-4)


def test_cameras_the_wrong_way_round_are_refused(k, tmp_path):
    """A SLAHMR file with inverted cameras puts the person behind them."""

    def invert(held):
        R, t = held["cam_R"], held["cam_t"]
        held["cam_R"], held["cam_t"] = R.swapaxes(-1, -2), -cases.apply(R.swapaxes(-1, -2), t)

    k = cases.make(3, n=24)
    turned = Rotation.from_rotvec([0, np.pi / 2, 0]).as_matrix()  # a world whose z is not the camera's
    file = cases.slahmr(k, tmp_path, tilt=turned)
    with pytest.raises(BadInput, match="behind the camera"):
        body_of(read_tracks(change(file, invert)), cases.clip_of(k.n))


def test_tram_gravity_aligned_copy(k, tmp_path, caplog):
    """Where there is one it is the world, Y up; else the vertical is the first camera's, and that is said."""
    file = cases.tram(k, tmp_path)
    write_motion(file, tmp_path / "m.npz", fps=30)
    assert "the vertical is that camera's" in caplog.text
    back = k.R.swapaxes(1, 2)
    spun = Rotation.from_rotvec([0, 0.7, 0]).as_matrix()
    cases.tram_camera(k, tmp_path, world_cam_R=spun @ back, world_cam_T=cases.apply(spun @ back, -k.t))
    write_motion(file, tmp_path / "m.npz", fps=30)
    with np.load(tmp_path / "m.npz") as held:
        np.testing.assert_allclose(held["transl"], k.pelvis @ spun.T, atol=1e-4)


def test_tram_folder_and_missing_camera(k, tmp_path):
    cases.tram(k, tmp_path, rows=slice(0, 20))
    cases.tram(k, tmp_path, rows=slice(5, 9), index=1)
    assert [track.id for track in read_tracks(tmp_path)] == ["0", "1"]
    (tmp_path / "camera.npy").unlink()
    with pytest.raises(BadInput, match="--camera-frame"):
        write_motion(tmp_path / "hps" / "hps_track_0.npy", tmp_path / "m.npz", fps=30)


def test_slahmr_is_levelled_by_its_floor(k, tmp_path, caplog):
    tilt = Rotation.from_rotvec([0.3, 0, 0.1]).as_matrix()
    write_motion(cases.slahmr(k, tmp_path, tilt=tilt), tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as held:
        np.testing.assert_allclose(held["transl"][:, 1], k.pelvis[:, 1], atol=1e-4)  # height over the floor
        spread = np.linalg.norm(np.diff(held["transl"], axis=0), axis=1)
        np.testing.assert_allclose(spread, np.linalg.norm(np.diff(k.pelvis, axis=0), axis=1), atol=1e-4)
    write_motion(cases.slahmr(k, tmp_path, floor=False), tmp_path / "m.npz")
    assert "the vertical is the first camera's" in caplog.text


def test_slahmr_track_info(k, tmp_path, caplog):
    """Names, frames and gaps of the tracks; without it the frames start with the video's, and that is said."""
    file = cases.slahmr(k, tmp_path, people=2)
    info = tmp_path / "track_info.json"
    masks = [[True] * 30, [False] * 8 + [True, False, True] + [False] * 19]
    tracks = {"012": {"index": 1, "vis_mask": masks[1]}, "004": {"index": 0, "vis_mask": masks[0]}}
    info.write_text(json.dumps({"tracks": tracks, "meta": {"seq_interval": [3, 27], "data_interval": [10, 40]}}))
    one, two = read_tracks(file)
    assert (one.id, two.id) == ("004", "012") and one.frames[0] == 13 and two.frames.tolist() == [18, 19, 20]
    info.write_text(json.dumps({"tracks": tracks, "meta": {"seq_interval": [3, 99], "data_interval": [10, 40]}}))
    with pytest.raises(BadInput, match=r"track_info\.json.*96 frames.*24"):
        read_tracks(file)
    info.unlink()
    assert read_tracks(file)[0].frames[0] == 0 and "no track_info.json" in caplog.text


def test_slahmr_predictions_of_phalp(k, tmp_path):
    for i in range(k.n):
        folder = tmp_path / "003"
        folder.mkdir(exist_ok=True)
        held = {
            "betas": k.betas[i].tolist(), "body_pose": cases.aa(k.pose[i, 1:]).tolist(),
            "global_orient": cases.aa(k.orient_cam[i]).tolist(), "cam_trans": (k.pelvis_cam - k.p["smpl"])[i].tolist(),
        }  # fmt: skip
        (folder / f"{i + 1:06d}_smpl.json").write_text(json.dumps(held))
        points = {"people": [{"pose_keypoints_2d": np.full((25, 3), 0.5).tolist()}]}
        (folder / f"{i + 1:06d}_keypoints.json").write_text(json.dumps(points))
    (track,) = read_tracks(tmp_path)
    assert track.id == "3" and track.keypoints.shape == (24, 25, 3)
    np.testing.assert_allclose(body_of((track,), cases.clip_of(k.n)).transl, k.pelvis_cam, atol=1e-4)


@pytest.mark.parametrize("tool", ["slahmr", "tram"])
def test_a_static_camera_is_said(k, tool, tmp_path, caplog):
    still = cases.Known(k.pose, k.pelvis, k.R[:1].repeat(k.n, 0), k.t[:1].repeat(k.n, 0), k.betas, k.p)
    read_tracks(cases.TOOLS[tool][0](still, tmp_path))
    assert "static camera" in caplog.text


def test_glamr_absent_frames_and_its_root(k, tmp_path):
    """``root_trans_world`` is the joint: no rest pelvis is added. Frames outside ``exist_frames`` hold rubbish."""

    def cut(held):
        person = held["person_data"][0]
        person["exist_frames"] = np.arange(k.n) >= 6
        person["cam_K"][:6] = 0
        person["root_trans_world"][:6] = 1e6

    (track,) = read_tracks(change(cases.glamr(k, tmp_path), cut))
    assert track.frames.tolist() == list(range(6, k.n)) and track.focal == pytest.approx(cases.FOCAL)
    body = body_of((track,), cases.clip_of(k.n))
    np.testing.assert_allclose(body.transl[6:], k.pelvis_cam[6:], atol=1e-4)
    assert body.facts["filled"] == list(range(6))


@pytest.mark.parametrize("tool", ["vibe", "hmr2"])
def test_no_world_is_never_silent(k, tool, tmp_path):
    file = cases.TOOLS[tool][0](k, tmp_path)
    with pytest.raises(BadInput, match=r"no motion in a world.*--camera-frame"):
        write_motion(file, tmp_path / "m.npz", fps=30)
    line = write_motion(file, tmp_path / "m.npz", fps=30, focal=f"{cases.FOCAL}px", camera_frame=True)
    assert "cameras' frames" in str(line)
    with np.load(tmp_path / "m.npz") as held:
        assert "NOT a world" in str(held["axes"])
        np.testing.assert_allclose(held["transl"], k.pelvis_cam, atol=1e-4)


def test_what_is_assumed_is_said(k, tmp_path, caplog):
    write_motion(cases.wham(k, tmp_path), tmp_path / "m.npz")
    for words in ("assuming 30", "mean shape", "anny24"):
        assert words in caplog.text
    caplog.clear()
    body = body_of(read_tracks(cases.vibe(k, tmp_path)), cases.clip_of(k.n))
    assert "assuming 1000 px" in caplog.text and "assumed" in body.facts["focal_from"]


# ------------------------------------------------------------------------------------------------ damaged files

DEEP = {
    "wham": ("pose", lambda h: h[0]), "gvhmr": ("transl", lambda h: h["smpl_params_incam"]),
    "tram": ("pred_trans", lambda h: h), "slahmr": ("root_orient", lambda h: h), "vibe": ("orig_cam", lambda h: h[1]),
    "glamr": ("root_trans_world", lambda h: h["person_data"][0]),
    "prompthmr": ("trans", lambda h: h["people"][1]["smplx_cam"]),
    "hmr2": ("camera_bbox", lambda h: h["images/000003.jpg"]),
}  # fmt: skip


@pytest.mark.parametrize("tool", DEEP)
def test_a_renamed_key_is_named_with_what_is_there(k, tool, tmp_path):
    key, part = DEEP[tool]
    file = change(cases.TOOLS[tool][0](k, tmp_path), lambda held: part(held).update(renamed=part(held).pop(key)))
    with pytest.raises(BadInput, match=rf"{key}: missing; found .*") as caught:
        read_tracks(file, tool)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("tool", DEEP)
def test_a_truncated_array_is_named(k, tool, tmp_path):
    key, part = DEEP[tool]

    def cut(held):
        value = part(held)[key]
        part(held)[key] = value[:, :5] if tool == "slahmr" else value[: 0 if tool == "hmr2" else -1]

    with pytest.raises(BadInput, match=key):
        read_tracks(change(cases.TOOLS[tool][0](k, tmp_path), cut), tool)


@pytest.mark.parametrize("tool", DEEP)
def test_not_finite_numbers_are_named(k, tool, tmp_path):
    key, part = DEEP[tool]

    def spoil(held):
        value = np.array(part(held)[key], dtype=float)
        value.flat[1] = np.nan
        part(held)[key] = list(value) if tool == "hmr2" else value

    with pytest.raises(BadInput, match=rf"{key}: \d+ of \d+ values are not finite"):
        read_tracks(change(cases.TOOLS[tool][0](k, tmp_path), spoil), tool)


@pytest.mark.parametrize("tool", cases.TOOLS)
def test_cut_and_empty_files(k, tool, tmp_path):
    file = cases.TOOLS[tool][0](k, tmp_path)
    content = file.read_bytes()
    for length in (0, len(content) // 2):
        file.write_bytes(content[:length])
        with pytest.raises(BadInput, match=file.name):
            read_tracks(file)


def test_another_systems_file_is_told(k, tmp_path):
    with pytest.raises(BadInput, match="is a result of vibe, expected wham"):
        read_tracks(cases.vibe(k, tmp_path), "wham")
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"something": 1}))
    with pytest.raises(BadInput, match=r"found the keys something.*wham"):
        read_tracks(tmp_path / "x.pkl")
    with pytest.raises(UnknownName, match="wham"):
        read_tracks(tmp_path / "x.pkl", "whamm")
    with pytest.raises(MissingResource, match="nowhere"):
        read_tracks(tmp_path / "nowhere.pkl")
    with pytest.raises(BadInput, match="contains no person"):
        (tmp_path / "e.pkl").write_bytes(pickle.dumps({}))
        read_tracks(tmp_path / "e.pkl", "wham")


def test_a_person_twice_in_a_frame(k, tmp_path):
    joblib.dump({"0.jpg": cases.phalp_frame(k, 0, tid=(1, 1))}, tmp_path / "p.pkl")
    with pytest.raises(BadInput, match="person 1 occurs twice"):
        read_tracks(tmp_path / "p.pkl")


def test_rotations_that_are_none(k, tmp_path):
    with pytest.raises(BadInput, match="not rotations"):
        read_tracks(change(cases.tram(k, tmp_path), lambda held: held["pred_rotmat"].__imul__(2)))


def test_a_model_file_of_another_body(k, tmp_path):
    file = tmp_path / "SMPL_NEUTRAL.npz"
    np.savez(file, v_template=np.zeros((6890, 3)), shapedirs=np.zeros((6890, 3, 10)), J_regressor=np.zeros((24, 6890)))
    with pytest.raises(BadInput, match="6890 vertices; smplx has 10475"):
        body_of(read_tracks(cases.gvhmr(k, tmp_path)), cases.clip_of(k.n), file)
    with pytest.raises(MissingResource, match="SMPLX_NEUTRAL"):
        body_of(read_tracks(cases.gvhmr(k, tmp_path)), cases.clip_of(k.n), tmp_path)
