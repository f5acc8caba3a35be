"""Several people in one world: ``--camera result=FOLDER`` and ``--person all``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from cli_cases import QUICK

#: A detector that tells two people of the case apart: ``b`` walks beside ``a``, and ``c`` is hardly seen.
CROWD = """
from dataclasses import replace

from diffopt_core.config import ComponentConfig
from diffopt_core.errors import BadInput
from diffopt_core.plugin import Component, hookimpl

class Crowd(ComponentConfig):
    def build(self, ctx):
        return self

    def detect(self, clip):
        who = "a" if clip.person == "largest" else clip.person
        if who not in ("a", "b"):
            raise BadInput(clip.path, "person", f"no track is named '{who}'")
        points = clip.observations.keypoints.clone()
        points[..., 0] += 60.0 * (who == "b")
        facts = {"person": {"id": who, "by": clip.person, "among": {"a": 12, "b": 9, "c": 1}}}
        return replace(clip.observations, keypoints=points, facts=facts)

@hookimpl
def diffopt_components():
    return [Component("detector", "crowd", f"{__name__}:Crowd", "two people")]
"""
ASKED = ("-p", "crowd.py", "--detector", "crowd", "--init", "lift", "--no-report")


@pytest.fixture
def crowd(case) -> Path:
    Path("crowd.py").write_text(CROWD)
    return case


def arrays(folder: str) -> dict[str, np.ndarray]:
    with np.load(Path(folder) / "motion.npz") as file:
        return dict(file)


def test_everybody_is_solved_under_the_camera_of_the_first(diffopt, crowd):
    ran = diffopt("run", crowd, "--person", "all", "--out", "out", *ASKED, *QUICK)
    assert ran.status == 0, ran.err
    one, other = arrays("out/persona"), arrays("out/personb")
    for key in ("cam_R", "cam_t", "cam_focal"):
        np.testing.assert_allclose(other[key], one[key], atol=1e-6)
    assert np.linalg.norm(one["joints"][:, 0] - other["joints"][:, 0], axis=-1).mean() > 0.1
    saved = json.loads(Path("out/personb/run.json").read_text())
    assert saved["evidence"]["camera"]["held"] and saved["recipe"]["camera"]["name"] == "result"
    assert {row["what"]: row["said"] for row in saved["assumed"]}["unit"] == "as in out/persona"
    assert "notice: personb: " in ran.err, "the clip's name is that of both"
    assert "left out, seen in few frames: c" in ran.err and not Path("out/personc").exists()
    assert "2 people in one world: diffopt view out/persona out/personb" in " ".join(ran.err.split())
    again = diffopt("run", crowd, "--person", "all", "--out", "out", *ASKED, *QUICK)
    assert again.status == 0 and again.err.count("kept the finished result") == 2
    with open("out/index.csv") as file:
        assert [(row["key"], row["state"]) for row in csv.DictReader(file)] == [
            ("persona", "finished"),
            ("personb", "finished"),
        ]


def test_one_of_them_is_asked_for(diffopt, crowd):
    assert diffopt("check", crowd, "--person", "b", *ASKED[:-1], "--prior", "none").status == 0


def test_several_clips_and_a_bad_one(diffopt, crowd):
    bad = crowd.parent / "bad.npz"
    bad.write_bytes(b"")
    ran = diffopt("run", bad, crowd, "--person", "all", "--out", "out", "--json", *ASKED, *QUICK)
    assert ran.status == 1
    told = json.loads(ran.out)
    assert [Path(each["folder"]).name for each in told["results"]] == ["persona", "personb"]
    assert told["kept"] == 0 and [Path(each["input"]).name for each in told["failed"]] == ["bad.npz"]
    with open("out/index.csv") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"bad", "walk/persona", "walk/personb"} and "empty" in rows["bad"]["reason"]
    assert Path("out/walk/personb/motion.npz").is_file()


def test_where_nobody_tells_people_apart(diffopt, case):
    ran = diffopt("run", case, "--person", "all", "--out", "out", *QUICK)
    assert ran.status == 2 and "neither detector nor first poses tell people apart" in ran.error


@pytest.mark.parametrize("command", ["check", "prepare"])
def test_other_commands_take_one_person(diffopt, crowd, command):
    ran = diffopt(command, crowd, "--person", "all", *ASKED[:-1])
    assert ran.status == 2 and "--person all" in ran.error


@pytest.mark.parametrize("more", [("--runner", "local"), ("--view",)])
def test_it_is_of_files_solved_here(diffopt, crowd, more):
    ran = diffopt("run", crowd, "--person", "all", "--out", "out", *ASKED, *more, *QUICK)
    assert ran.status == 2 and "--person all" in ran.error


def test_the_camera_is_of_a_finished_result_of_the_same_frames(diffopt, crowd, arrays):
    assert diffopt("run", crowd, "--out", "one", *ASKED, *QUICK).status == 0
    asked = ("--person", "b", "--camera", "result=one", *ASKED, *QUICK)
    for flags, said in ((("--frames", "2:"), "frames: is of 12 frames"), (("--fps", "60"), "at 60")):
        ran = diffopt("run", crowd, "--out", "other", *asked, *flags)
        assert ran.status == 2 and said in " ".join(ran.error.split()), ran.err
    other = crowd.parent / "other.npz"
    np.savez(other, **{**arrays[0], "fps": np.array(29.0)})
    ran = diffopt("run", other, "--out", "other", *asked)
    assert ran.status == 2 and "is of another file" in " ".join(ran.error.split())
    Path("unfinished").mkdir()
    for name, text in (("motion.npz", ""), ("run.json", '{"diffopt_run": 1, "status": "diverged"}')):
        Path("unfinished", name).write_text(text)
    wrong = {"nowhere": "nowhere: --camera result: does not exist", ".": "holds 2 results: name one, one",
             "unfinished": "status: is 'diverged'"}  # fmt: skip
    for folder, said in wrong.items():
        ran = diffopt("run", "unread.npz", *ASKED, *QUICK, "--camera", f"result={folder}")
        assert ran.status == 2 and said in ran.error, "before anything is opened"
    ran = diffopt("run", crowd, "--out", "other", *ASKED, *QUICK, "--camera", "result")
    assert ran.status == 2 and "--camera result=FOLDER" in " ".join(ran.error.split())


def test_who_ends_off_the_floor_is_not_trusted():
    from dataclasses import replace

    import torch
    from diffopt_core.host.testing.results import make_result
    from diffopt_core.solver.batch import on_floor

    result = make_result()
    assert result.clip.camera is not None
    held = replace(result, clip=replace(result.clip, camera=replace(result.clip.camera, held=True)))
    low = float(held.joints[:, (7, 8, 10, 11), 1].amin(-1).quantile(0.1))
    level = replace(held, joints=held.joints - torch.tensor([0.0, low, 0.0]))
    assert not on_floor(level).clip.doubts
    sunk = replace(level, joints=level.joints - torch.tensor([0.0, 0.25, 0.0]))
    assert "25 cm under the floor" in on_floor(sunk).clip.doubts[0]
    assert not on_floor(replace(sunk, clip=result.clip)).clip.doubts


def test_a_floor_tells_the_size_of_who_stands_on_it():
    """A person of the mean shape, put at a distance where a taller one would be, under a camera 1.5 m above."""
    import torch
    from diffopt_core.data.rotation import axis_angle_to_matrix
    from diffopt_core.host.testing.problem import StickBody
    from diffopt_core.perception.footing import floor_scale
    from diffopt_core.types import CameraFrameBody, CameraTrajectory, Observations

    frames, size = 10, 1.2
    R = axis_angle_to_matrix(torch.tensor([torch.pi + 0.2, 0.0, 0.0])).expand(frames, 3, 3)
    focal = torch.full((frames, 2), 900.0)
    centre = torch.tensor([0.0, 1.5, 0.0])
    camera = CameraTrajectory(R, -(R @ centre), focal, focal / 2, "metre", True, held=True, facts={"vertical_sd": 1.0})
    sole = StickBody().rest_joints(torch.zeros(1, 10))[0, :, 1].min()
    pelvis = torch.tensor([0.3, float(-sole) * size, -4.0])
    seen = (R @ pelvis + camera.t) / size
    upright = R.clone()
    pose = torch.eye(3).expand(frames, 23, 3, 3)
    body = CameraFrameBody(upright, pose, seen, torch.zeros(10))
    observed = Observations(torch.ones(frames, 17, 3), "coco17", torch.ones(frames) > 0)
    scale, sd = floor_scale(body, observed, camera, StickBody())
    assert abs(scale - size) < 0.01 and 0.05 < sd < 0.3
    low = CameraTrajectory(R, 0 * camera.t, focal, focal / 2, "metre", True, held=True)
    assert floor_scale(body, observed, low, StickBody()) is None
