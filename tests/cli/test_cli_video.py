"""From a video to a result: what is perceived once is not perceived again, and a run says where evidence is from."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import look_plugin
import numpy as np
import pytest
from cli_cases import QUICK

sys.path.append(str(Path(__file__).parents[1] / "video"))
from video_cases import write_video

LOOK = ["-p", look_plugin.__file__, "--detector", "look", "--camera", "look", "--init", "look", "--body", "anny24"]
MEAN = ["--set", "body.shape=mean"]
FAST = [flag for flag in QUICK if flag != "--no-picture"]


@pytest.fixture
def watch(tmp_path_factory, monkeypatch):
    """``watch()`` counts the looks so far: detector, camera, initializer."""
    folder = tmp_path_factory.mktemp("watch")
    monkeypatch.setenv(look_plugin.WATCH, str(folder))

    def counts(name: str = "") -> tuple[int, ...]:
        if name:
            (folder / name).touch()
        return tuple(len(list(folder.glob(f"{who}-*"))) for who in ("detector", "camera", "initializer"))

    counts.folder = folder
    return counts


@pytest.fixture
def video(tmp_path):
    return write_video(tmp_path / "walk.mp4", 14, size=(1280, 720), fps=30)


@pytest.mark.slow
def test_a_second_look_is_not_taken(diffopt, watch, video):
    assert diffopt("prepare", video, "--out", "a.npz", *LOOK).status == 0
    assert watch() == (1, 1, 1) and Path("a.png").exists()
    assert diffopt("prepare", video, "--out", "b.npz", *LOOK).status == 0
    assert diffopt("run", video, "--out", "run", *LOOK, *MEAN, *QUICK).status == 0
    assert watch() == (1, 1, 1)
    assert Path("a.npz").read_bytes() == Path("b.npz").read_bytes()
    renamed = video.rename(video.with_name("same content.mp4"))
    assert diffopt("prepare", renamed, "--out", "c.npz", *LOOK).status == 0
    assert watch() == (1, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    [["--frames", "2:12"], ["--person", "2"], ["--fps", "60"], ["--fresh"], ["--set", "detector.seen=true"]],
    ids=lambda flags: flags[0] + flags[-1],
)
def test_another_question_is_another_look(diffopt, watch, video, other):
    assert diffopt("prepare", video, "--out", "a.npz", *LOOK).status == 0
    assert diffopt("prepare", video, "--out", "b.npz", *LOOK, *other).status == 0
    assert watch()[0] == (1 if other[-1] == "detector.seen=true" else 2)


def test_a_killed_run_goes_on(diffopt, watch, video):
    watch("fail-camera")
    assert "told to fail" in diffopt("run", video, "--out", "run", *LOOK, *MEAN, *QUICK).error
    assert watch() == (1, 1, 0) and not Path("run").exists()
    (watch.folder / "fail-camera").unlink()
    assert diffopt("run", video, "--out", "run", *LOOK, *MEAN, *QUICK).status == 0
    assert watch() == (1, 2, 1)


@pytest.mark.slow
def test_a_damaged_entry_is_made_again(diffopt, watch, video, monkeypatch):
    import os

    assert diffopt("prepare", video, "--out", "a.npz", *LOOK).status == 0
    for entry in Path(os.environ["DIFFOPT_CACHE"]).rglob("*.npz"):
        entry.write_bytes(entry.read_bytes()[:100])
    assert diffopt("prepare", video, "--out", "b.npz", *LOOK).status == 0
    assert watch() == (2, 2, 2)


@pytest.mark.slow
def test_result_says_where_its_evidence_is_from(diffopt, watch, video):
    flags = ["--focal", "28mm", "--fps", "100", "--frames", "1:13", "--person", "3"]
    ran = diffopt("run", video, "--out", "run", *LOOK, *MEAN, *FAST, *flags)
    assert ran.status == 0, ran.err
    said = json.loads(Path("run/run.json").read_text())
    assert said["focal_from"] == "--focal 28mm" and said["fps_from"] == "--fps" and said["fps"] == 100
    detector = said["evidence"]["detector"]
    assert detector.pop("seconds") >= 0 and detector == {"component": "look", "person": "3"}
    assert "seconds of perception, walk: detector" in ran.out
    assert said["evidence"]["camera"]["component"] == "look"
    assert said["evidence"]["clip"]["codec"] == "h264"
    assert {"overlay.png", "picture.png"} <= {path.name for path in Path("run").iterdir()}
    with np.load("run/motion.npz") as motion:
        assert len(motion["joints"]) == 12
        assert motion["cam_focal"].mean() == pytest.approx(28 / 43.267 * np.hypot(1280, 720), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("travel", "named", "free"),
    [
        ("stands", [], None),
        ("travels", [], ["camera.scale"]),
        ("unknown", [], ["camera.*"]),
        ("turns", ["--recipe", "paper"], ["camera.*"]),
    ],
)
def test_what_is_known_of_the_camera_is_kept(diffopt, watch, video, travel, named, free):
    """The default recipe follows from the camera; a named one is the user's word."""
    ran = diffopt("run", video, "--out", "run", *LOOK, *MEAN, *QUICK, *named, "--set", f"camera.travel={travel}")
    assert ran.status == 0, ran.err
    guide = json.loads(Path("run/run.json").read_text())["recipe"]["stage"]["guide"]
    assert (guide["camera"]["free"] if "camera" in guide["blocks"] else None) == free
    assert ("--recipe paper" in ran.err) == (travel != "unknown" and not named)
    again = diffopt("run", video, "--out", "run", *LOOK, *MEAN, *QUICK, *named, "--set", f"camera.travel={travel}")
    assert again.status == 0 and "kept the finished result" in again.err
    other = diffopt(
        "run", video, "--out", "run", *LOOK, *MEAN, *QUICK, "--seed", "5", "--set", f"camera.travel={travel}"
    )
    assert "the result of another run" in other.error
    repeated = diffopt("run", "run/run.json", "--no-picture", "--trust")
    assert "bit for bit" in repeated.out, repeated.err


@pytest.mark.slow
def test_prepared_case_is_solved_without_the_video(diffopt, watch, video):
    assert diffopt("prepare", video, "--out", "a.npz", *LOOK, "--focal", "900px").status == 0
    video.unlink()
    ran = diffopt("run", "a.npz", "--out", "run", *MEAN, "--body", "anny24", *FAST)
    assert ran.status == 0, ran.err
    said = json.loads(Path("run/run.json").read_text())
    assert said["focal_from"] == "--focal 900px"
    assert said["evidence"]["camera"]["prepared_by"] == "look" and said["evidence"]["camera"]["component"] == "given"
    assert not Path("run/overlay.png").exists()
    assert watch() == (1, 1, 1)


@pytest.mark.slow
def test_prepared_case_remembers_its_video(diffopt, watch, video):
    assert diffopt("prepare", video, "--out", "a.npz", *LOOK).status == 0
    assert diffopt("run", "a.npz", "--out", "run", *MEAN, "--body", "anny24", *FAST).status == 0
    assert Path("run/overlay.png").exists() and watch() == (1, 1, 1)


@pytest.mark.slow
def test_name_and_file_in_one(diffopt, watch, video):
    Path("poses.npy").write_bytes(b"1")
    flags = list(LOOK)
    flags[flags.index("--camera") + 1] = "look=poses.npy"
    assert diffopt("run", video, "--out", "run", *flags, *MEAN, *QUICK).status == 0
    assert json.loads(Path("run/run.json").read_text())["evidence"]["camera"]["file"] == "poses.npy"
    Path("poses.npy").write_bytes(b"2")  # another content is another camera
    assert diffopt("run", video, "--out", "again", *flags, *MEAN, *QUICK).status == 0
    assert watch()[:2] == (1, 2)


@pytest.mark.slow
def test_folder_of_videos(diffopt, watch, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for name, count in (("a", 12), ("b", 13)):
        write_video(folder / f"{name}.mp4", count, size=(1280, 720))
    assert diffopt("prepare", folder, "--out", "cases", *LOOK).status == 0
    assert {path.name for path in Path("cases").iterdir()} == {"a.npz", "b.npz", "a.png", "b.png"}
    assert diffopt("run", "cases", "--out", "runs", *MEAN, "--body", "anny24", *QUICK).status == 0
    assert Path("runs/a/run.json").exists() and Path("runs/b/run.json").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--frames", "5"], "--frames 5: expected START:STOP"),
        (["--frames", "12:14"], "frames 12:14 of 14: at least 3 are needed"),
        (["--resample", "90"], "resampling to 90 fps would need frames that 30 fps lacks"),
        (["--focal", "wide"], "--focal wide: expected a length such as"),
        (["--focal", "3px"], "is not plausible for a 1280 x 720 image"),
        (["--set", "input.most=10"], "input.most"),
        (["--set", "detector.seen=false"], "walk.mp4: valid: the person was not found in any frame"),
        (["--init", "given"], "walk.mp4: body: the clip holds no body"),
    ],
)
def test_one_line_for_what_is_wrong(diffopt, watch, video, flags, message):
    ran = diffopt("run", video, "--out", "run", *LOOK, *MEAN, *QUICK, *flags)
    assert ran.status == 2 and message in ran.error
    assert not Path("run").exists()


def test_prepare_keeps_what_is_there(diffopt, watch, video):
    assert diffopt("prepare", video, "--out", "a.npz", *LOOK, "--no-picture").status == 0
    assert "a.npz: exists" in diffopt("prepare", video, "--out", "a.npz", *LOOK).error
    assert diffopt("prepare", video, "--out", "a.npz", "--overwrite", *LOOK, "--no-picture").status == 0
    assert not Path("a.png").exists()


@pytest.fixture
def cut(tmp_path):
    """A folder of images with a cut before frame 9, of 20."""
    sys.path.append(str(Path(__file__).parents[1] / "video"))
    from PIL import Image
    from test_shots import film

    folder = tmp_path / "two"
    folder.mkdir()
    for number, image in enumerate([*film(1, 9), *film(2, 11)]):
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    return folder


def test_every_shot_is_solved_by_itself(diffopt, watch, cut):
    ran = diffopt("run", cut, "--fps", "30", "--out", "all", *LOOK, *MEAN, *QUICK)
    assert ran.status == 0 and "2 shots (1: frames 0:9; 2: frames 9:20)" in ran.err
    for name, frames in (("two_shot1", range(9)), ("two_shot2", range(9, 20))):
        with np.load(f"all/{name}/evidence.npz") as evidence:
            assert evidence["video_frames"].tolist() == list(frames)
    assert "2 clips: solved by recipe paper" in ran.err, "the choice is said for every shot"
    for name in ("two_shot1", "two_shot2"):
        assert f"{name}: camera: a look of it" in ran.err and f"{name}: not trusted: " in ran.err
        camera = json.loads(Path(f"all/{name}/run.json").read_text())["evidence"]["camera"]
        assert not camera["trusted"] and any("principal point" in why for why in camera["not_trusted"])
    run = json.loads(Path("all/two_shot2/run.json").read_text())
    assert run["inputs"][0].endswith("two#shot2") and run["evidence"]["clip"]["shot"]["frames"] == [9, 20]
    again = diffopt("run", cut, "--fps", "30", "--out", "all", *LOOK, *MEAN, *QUICK)
    assert "kept the finished result of 2 clips" in again.err
    assert diffopt("run", "all/two_shot2/run.json", "-p", look_plugin.__file__, "--no-picture").out.count("identical")


def test_one_shot_and_a_part_of_it(diffopt, watch, cut):
    given = ["--fps", "30", *LOOK, "--overwrite", "--no-picture"]
    assert diffopt("prepare", cut, "--shot", "2", "--frames", "11:18", "--out", "a.npz", *given).status == 0
    with np.load("a.npz") as case:
        assert len(case["keypoints"]) == 7
    assert "the video has 2" in diffopt("prepare", cut, "--shot", "3", "--out", "a.npz", *given).error
    assert diffopt("prepare", cut, "--frames", ":9", "--out", "a.npz", *given).status == 0
    assert "has no shots" in diffopt("check", "a.npz", "--shot", "1").error


def test_a_shot_without_the_person_is_left_out(diffopt, watch, cut):
    ran = diffopt("run", cut, "--fps", "30", "--out", "all", *LOOK, "--set", "detector.blind=two_shot1", *MEAN, *QUICK)
    assert ran.status == 0 and "two_shot1 is left out: valid: the person was not found" in ran.err
    assert [path.name for path in Path("all").iterdir() if path.is_dir()] == [
        "two_shot2"
    ] and "kept the finished" not in ran.err


def test_frames_before_the_person_appears(diffopt, watch, video):
    late = [*LOOK, "--set", "detector.late=4", *MEAN, *QUICK]
    ran = diffopt("run", video, "--out", "marked", *late)
    assert "the person is not there in frames 0 to 3" in ran.err
    with np.load("marked/motion.npz") as motion:
        assert motion["valid"].tolist() == [False] * 4 + [True] * 10
    assert diffopt("run", video, "--out", "cut", *late, "--set", "input.unseen=trim").status == 0
    with np.load("cut/motion.npz") as motion, np.load("cut/evidence.npz") as evidence:
        assert motion["valid"].all() and evidence["video_frames"].tolist() == list(range(4, 14))
    assert diffopt("export", "marked", "--to", "csv", "--trim", "--out", "e").status == 0
    rows = Path("e/motion.csv").read_text().splitlines()
    assert len(rows) == 11
    assert json.loads(Path("e/motion.csv.json").read_text())["trimmed"]["first_frame"] == 4
