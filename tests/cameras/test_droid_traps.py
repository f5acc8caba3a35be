"""What goes wrong with saved cameras: each is refused with file and key, or flagged and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import joblib
import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import geodesic
from diffopt_core.errors import BadInput
from diffopt_core.types import Video
from diffopt_formats import nerf
from diffopt_formats.frames import Rows, Source, place
from droid_files import (
    CENTRE,
    FOCAL,
    FRAMES,
    SIZE,
    clip_of,
    known_path,
    matrices,
    pose7,
    read,
    reconstruction,
    write_dpvo_tum,
    write_slahmr_json,
)


def save(tmp_path, poses, name="traj.npy"):
    np.save(tmp_path / name, poses)
    return tmp_path / name


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """60 frames of 64 x 36."""
    path = tmp_path_factory.mktemp("video") / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for i in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((36, 64, 3), 4 * i, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def clip_in(video, frames):
    clip = clip_of(len(frames), 50.0, (64, 36))
    return replace(clip, video=Video(video, tuple(frames), (64, 36)))


def test_signs_of_quaternions_do_not_matter(tmp_path):
    poses = pose7(*known_path().c2w)
    flipped = poses.copy()
    flipped[::3, 3:] *= -1
    one, two = read(save(tmp_path, poses)), read(save(tmp_path, flipped, "flipped.npy"))
    assert torch.allclose(one.R, two.R, atol=1e-6) and two.facts["jumps"] == []


def test_norms_a_little_off_are_normalised(tmp_path):
    poses = pose7(*known_path().c2w)
    poses[:, 3:] *= np.linspace(0.98, 1.02, FRAMES)[:, None]
    camera = read(save(tmp_path, poses))
    assert torch.allclose(camera.R @ camera.R.mT, torch.eye(3).expand(FRAMES, 3, 3), atol=1e-5)


def test_norms_far_off_are_refused(tmp_path):
    poses = pose7(*known_path().c2w)
    poses[7, 3:] *= 1.5
    with pytest.raises(BadInput, match=r"traj.npy: .*quaternion 7 has norm 1\.5.*qx qy qz qw"):
        read(save(tmp_path, poses))


def test_quaternion_before_translation_is_refused(tmp_path):
    poses = pose7(*known_path().c2w)
    with pytest.raises(BadInput, match="quaternion is first"):
        read(save(tmp_path, np.concatenate([poses[:, 3:], poses[:, :3] * 3 + 5], axis=1)))


@pytest.mark.parametrize("order", ["wxyz", "yzwx"])
def test_another_order_of_the_quaternion_is_noticed(tmp_path, order):
    known = known_path()
    poses = pose7(*known.c2w)
    columns = {"wxyz": [6, 3, 4, 5], "yzwx": [4, 5, 6, 3]}[order]
    path = save(tmp_path, np.concatenate([poses[:, :3], poses[:, columns]], axis=1))
    with pytest.raises(BadInput, match=f"quaternion={order}"):
        read(path)
    assert geodesic(read(path, quaternion=order).R.double(), torch.from_numpy(known.R)).max() < 1e-3


@pytest.mark.parametrize("name", ["slam_results.pth", "copy.pth"])
def test_whams_static_placeholder_is_a_standing_camera_and_not_upside_down(tmp_path, caplog, name):
    fallback = np.zeros((FRAMES, 7))
    fallback[:, 3] = 1.0
    joblib.dump(fallback, tmp_path / name)
    camera = read(tmp_path / name)
    assert torch.equal(camera.R, torch.eye(3).expand(FRAMES, 3, 3)) and not camera.t.any()
    assert camera.facts["static"] and camera.travel == "stands" and "without SLAM" in caplog.text


def test_almost_the_placeholder_is_not_it(tmp_path):
    poses = np.zeros((FRAMES, 7))
    poses[:, 3] = 1.0
    poses[-1, 0] = 0.01
    with pytest.raises(BadInput, match="quaternion=wxyz"):
        read(save(tmp_path, poses))


def test_slahmrs_viewer_file_is_refused_with_the_reason(tmp_path):
    write_slahmr_json(tmp_path / "cameras.json", known_path())
    with pytest.raises(BadInput, match=r"cameras.json: .*viewer.*cameras.npz"):
        read(tmp_path / "cameras.json")


@pytest.mark.parametrize("gone", [[5, 6, 7], [0, 1], [38, 39]])
@pytest.mark.parametrize("how", [np.nan, 0.0])
def test_gaps_are_filled_and_flagged(tmp_path, caplog, gone, how):
    known = known_path()
    poses = pose7(*known.c2w)
    poses[gone] = how
    camera = read(save(tmp_path, poses))
    assert np.flatnonzero(camera.filled).tolist() == gone
    there = [i for i in range(FRAMES) if i not in gone]
    assert torch.allclose(camera.t[there], torch.from_numpy(known.t[there]).float(), atol=1e-4)
    assert camera.R.isfinite().all() and camera.t.isfinite().all()
    assert f"{len(gone)} of {FRAMES} frames" in caplog.text
    if gone == [5, 6, 7]:  # the positions lie on a straight line
        place = camera.position[4:9]
        assert torch.allclose(place[2], (place[0] + place[4]) / 2, atol=1e-5)
    else:
        assert camera.facts["held"] == gone


def test_all_nan_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no pose"):
        read(save(tmp_path, np.full((FRAMES, 7), np.nan)))


def test_a_jump_is_flagged_and_left(tmp_path, caplog):
    known = known_path()
    R, t = known.c2w
    t = t.copy()
    t[25:] += 40.0
    camera = read(save(tmp_path, pose7(R, t)))
    assert camera.facts["jumps"] == [25] and "jumps at frame 25" in caplog.text
    assert (camera.position[25] - camera.position[24]).norm() > 30


def test_a_turn_by_half_a_circle_in_one_frame_is_a_jump(tmp_path):
    known = known_path()
    R, t = (a.copy() for a in known.c2w)
    R[20:] = R[20:] @ np.diag([1.0, -1, -1])
    assert read(save(tmp_path, pose7(R, t))).facts["jumps"] == [20]


@pytest.mark.parametrize("count", [39, 41, 13, 100])
def test_another_number_of_poses_names_both(tmp_path, count):
    with pytest.raises(BadInput, match=f"traj.npy: poses: {count} poses for {FRAMES} frames"):
        read(save(tmp_path, pose7(*known_path(count).c2w)))


def test_a_stride_is_proposed_not_guessed(tmp_path):
    known = known_path(60)
    path = save(tmp_path, pose7(*known.c2w)[::3])
    with pytest.raises(BadInput, match=r"20 poses for 60 frames; if only one of every 3 images was used.*stride=3"):
        read(path, clip_of(60, FOCAL))
    camera = read(path, clip_of(60, FOCAL), stride=3)
    assert torch.allclose(camera.t[::3], torch.from_numpy(known.t[::3]).float(), atol=1e-4)
    assert np.flatnonzero(camera.filled).tolist() == [i for i in range(60) if i % 3] and camera.facts["held"] == [
        58,
        59,
    ]


def test_keyframes_that_end_early_ask_for_the_stride(tmp_path):
    known = known_path(30)
    torch.save(reconstruction(known, every=4)[1], tmp_path / "scene.pth")
    with pytest.raises(BadInput, match=r"last keyframe is image 29 of 90 frames.*stride=N"):
        read(tmp_path / "scene.pth", clip_of(90))
    camera = read(tmp_path / "scene.pth", clip_of(90), stride=3)
    assert torch.allclose(camera.t[87], torch.from_numpy(known.t[29]).float(), atol=1e-4)


def test_poses_are_picked_by_the_numbers_of_the_videos_frames(tmp_path, video):
    known = known_path(60)
    path = save(tmp_path, pose7(*known.c2w))
    frames = [10, 12, 14, 14, 16, 18]
    camera = read(path, clip_in(video, frames))
    assert torch.allclose(camera.t, torch.from_numpy(known.t[frames]).float(), atol=1e-4)
    assert not camera.filled.any()


def test_poses_of_the_clips_own_frames_are_taken_and_said(tmp_path, video, caplog):
    frames = list(range(20, 50))
    known = known_path(30)
    camera = read(save(tmp_path, pose7(*known.c2w)), clip_in(video, frames))
    assert torch.allclose(camera.t, torch.from_numpy(known.t).float(), atol=1e-4)
    assert "the clip's frames" in caplog.text


def test_another_count_than_video_and_clip_names_all(tmp_path, video):
    with pytest.raises(BadInput, match=r"45 poses for 60 frames of the video \(30 of the clip\)"):
        read(save(tmp_path, pose7(*known_path(45).c2w)), clip_in(video, list(range(30))))


def test_keyframes_all_outside_the_clip(tmp_path):
    path = save(tmp_path, pose7(*known_path(5).c2w))
    with pytest.raises(BadInput, match="cover frames 38 to 42 of 40"):
        read(path, first=38)


def test_focal_of_neither_side_is_asked_for(tmp_path):
    path = save(tmp_path, pose7(*known_path().c2w))
    with pytest.raises(BadInput, match=r"traj.npy: focal: .*--focal"):
        read(path, clip_of())


def test_the_users_focal_wins_and_a_difference_is_said(tmp_path, caplog):
    R, t = known_path().c2w
    np.savez(tmp_path / "c.npz", pred_cam_R=R, pred_cam_T=t, img_focal=FOCAL, img_center=CENTRE)
    camera = read(tmp_path / "c.npz", clip_of(focal=2000.0))
    assert (camera.focal == 2000).all() and camera.facts["focal_from"] == "--focal"
    assert "match this focal length only approximately" in caplog.text
    assert torch.allclose(camera.centre[0], torch.tensor(CENTRE))


def test_slahmr_at_half_the_size_is_scaled_and_turned_images_are_refused(tmp_path):
    known = known_path()
    arrays = {
        "w2c": matrices(known.R, known.t), "focal": FOCAL / 2,
        "intrins": np.tile([FOCAL / 2, FOCAL / 2, CENTRE[0] / 2, CENTRE[1] / 2], (FRAMES, 1)),
    }  # fmt: skip
    np.savez(tmp_path / "half.npz", **arrays, width=SIZE[0] // 2, height=SIZE[1] // 2)
    camera = read(tmp_path / "half.npz", clip_of())
    assert torch.allclose(camera.focal, torch.tensor(FOCAL)) and torch.allclose(camera.centre[0], torch.tensor(CENTRE))
    np.savez(tmp_path / "turned.npz", **arrays, width=SIZE[1], height=SIZE[0])
    with pytest.raises(BadInput, match=r"720 x 1280.*not turned upright"):
        read(tmp_path / "turned.npz", clip_of())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda T: T * (1, 1, 1, 1) @ np.diag([2.0, 2, 2, 1]), "not a rotation"),
        (lambda T: T @ np.diag([1.0, 1, -1, 1]), "reflection"),
        (lambda T: T.swapaxes(1, 2), "transposed"),
        (lambda T: T[:, :3], "shape 40 x 3 x 4, expected N x 4 x 4"),
    ],
)
def test_matrices_that_are_no_cameras(tmp_path, change, problem):
    known = known_path()
    np.savez(tmp_path / "cameras.npz", w2c=change(matrices(known.R, known.t)))
    with pytest.raises(BadInput, match=f"cameras.npz: w2c: .*{problem}"):
        read(tmp_path / "cameras.npz")


def test_results_that_hold_no_cameras_name_the_file_that_does(tmp_path):
    flat, place = np.zeros((3, 72)), np.zeros((3, 3))
    person = {"pose": flat, "pose_world": flat, "trans": place, "betas": np.zeros(10), "frame_ids": np.arange(3)}
    joblib.dump({0: person}, tmp_path / "wham_output.pkl")
    inside = {"body_pose": torch.zeros(3, 63), "global_orient": torch.zeros(3, 3), "transl": torch.zeros(3, 3)}
    torch.save({"smpl_params_incam": {**inside, "betas": torch.zeros(10)}}, tmp_path / "h.pt")
    for name, other in (("wham_output.pkl", "slam_results.pth"), ("h.pt", "slam.pt")):
        with pytest.raises(BadInput, match=other):
            read(tmp_path / name)


@pytest.mark.parametrize("form", ["auto", "droid", "tram", "slahmr", "droid-reconstruction", "prompthmr", "simplevo"])
def test_other_contents_are_refused_with_what_they_hold(tmp_path, form):
    np.savez(tmp_path / "x.npz", banana=np.zeros((3, 5)), apple=np.zeros(2))
    with pytest.raises(BadInput, match=r"x.npz: "):
        read(tmp_path / "x.npz", format=form)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04broken", b"\x80\x04\x95broken", b"\x93NUMPY\x01"])
def test_damaged_files(tmp_path, data):
    (tmp_path / "bad.npy").write_bytes(data)
    with pytest.raises(BadInput, match=r"bad.npy"):
        read(tmp_path / "bad.npy")


def test_truncated_text_names_the_line(tmp_path):
    write_dpvo_tum(tmp_path / "t.txt", known_path())
    text = (tmp_path / "t.txt").read_text()
    (tmp_path / "t.txt").write_text(text[: len(text) // 2].rsplit(" ", 2)[0])
    with pytest.raises(BadInput, match=r"t.txt: line \d+: has \d numbers, expected 8"):
        read(tmp_path / "t.txt")


def test_missing_file(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere.npy: file: does not exist"):
        read(tmp_path / "nowhere.npy")


def test_reconstruction_of_another_picture(tmp_path):
    _, content = reconstruction(known_path(), images=True)
    torch.save(content, tmp_path / "scene.pth")
    with pytest.raises(BadInput, match=r"images: are .* another video"):
        read(tmp_path / "scene.pth", clip_of(size=(720, 1280)))


@pytest.mark.parametrize("first", [0, 1, 100])
def test_numbers_of_a_whole_video_count_from_their_first(tmp_path, caplog, first):
    """Systems that count from 0 leave files that others have numbered anew."""
    source = Source(np.arange(40), 40, 25.0)
    rows = Rows(tmp_path / "a.txt", 40, numbers=np.arange(40) + first, base=0)
    np.testing.assert_array_equal(place(rows, source), np.arange(40))
    assert (f"count from {first}" in caplog.text) == bool(first)


def test_names_that_are_not_padded_are_in_the_order_of_their_numbers(tmp_path):
    frames = [{"file_path": f"./train/r_{i}", "transform_matrix": np.eye(4).tolist()} for i in range(12)]
    for i, frame in enumerate(frames):
        frame["transform_matrix"][0][3] = float(i)
    found = nerf.read(tmp_path / "transforms.json", {"camera_angle_x": 1.0, "frames": frames[::-1]})
    assert [Path(name).stem for name in found.names] == [f"r_{i}" for i in range(12)]
