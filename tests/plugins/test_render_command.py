"""``diffopt render`` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from diffopt_core.cli import main
from diffopt_core.errors import MissingResource
from diffopt_render.plugin import EmbreeConfig, GlConfig
from PIL import Image
from render_cases import FRAMES, SIZE, bare, drawer, film_of, filmed, saved, small

SMALL = ("--size", "160x120")


@pytest.fixture
def folder(tmp_path):
    drawer()
    return saved(tmp_path / "result", filmed(tmp_path, small()))


def said(capfd) -> str:
    return " ".join(capfd.readouterr().err.split())


def test_the_default_is_the_body_over_the_video(folder, capfd):
    assert main(["render", str(folder)]) == 0
    frames, rate = film_of(folder / "overlay.mp4")
    assert len(frames) == FRAMES and rate == 30 and frames[0].shape == (SIZE[1], SIZE[0], 3)
    assert f"{FRAMES} frames of {SIZE[0]} x {SIZE[1]} at 30 fps" in capfd.readouterr().out


def test_json_is_one_document(folder, tmp_path, capfd):
    args = ["render", str(folder), "--view", "world", *SMALL, "--out", str(tmp_path / "w.mp4"), "--frames", "2:8"]
    assert main([*args, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["frames"] == 6 and told["size"] == [160, 120] and told["view"] == "world" and told["renderer"]
    assert main([*args, "--quiet"]) == 0 and capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("fps, count", [("0.5", 1), ("240", 96), ("15", 6)])
def test_other_rates(folder, tmp_path, fps, count):
    assert main(["render", str(folder), *SMALL, "--fps", fps, "--out", str(tmp_path / "o.mp4")]) == 0
    frames, rate = film_of(tmp_path / "o.mp4")
    assert len(frames) == count and rate == float(fps)


@pytest.mark.parametrize("fps", [0.5, 240.0])
def test_results_of_other_rates(tmp_path, fps):
    drawer()
    slow = saved(tmp_path / "slow", small(), fps=fps)
    assert main(["render", str(slow), "--view", "world", *SMALL]) == 0
    frames, rate = film_of(slow / "world.mp4")
    assert len(frames) == FRAMES and rate == fps


def test_odd_sizes_are_told(folder, tmp_path, capfd):
    assert main(["render", str(folder), "--size", "161x121", "--out", str(tmp_path / "o.mp4")]) == 0
    assert "161 x 121 became 162 x 122" in said(capfd)


@pytest.mark.slow
def test_several_results_stand_beside_one_another(folder, tmp_path):
    other = saved(tmp_path / "other", small(bare))
    out = tmp_path / "both.png"
    assert main(["render", str(folder), str(other), "--view", "world", *SMALL, "--out", str(out)]) == 0
    with Image.open(out) as image:
        assert image.size == (320, 120)
    assert main(["render", str(folder), str(other), "--view", "side", *SMALL, "--out", str(tmp_path / "f")]) == 0
    with Image.open(tmp_path / "f" / "frame_000000.png") as image:
        assert image.size == (160, 240)


def test_a_figure(folder, tmp_path, capfd):
    assert main(["render", str(folder), "--view", "figure", "--size", "300x100", "-o", str(tmp_path / "f.png")]) == 0
    assert main(["render", str(folder), "--view", "figure", *SMALL, "-o", str(tmp_path / "f.gif")]) == 0
    assert "at most 25 frames per second" in said(capfd)


def test_a_body_without_a_mesh_is_drawn(tmp_path):
    drawer()
    sticks = saved(tmp_path / "sticks", small(bare))
    assert main(["render", str(sticks), "--view", "world", *SMALL, "-o", str(tmp_path / "s.png")]) == 0
    with Image.open(tmp_path / "s.png") as image:
        drawn = np.asarray(image).astype(int)
    assert (drawn[..., 2] - drawn[..., 0] > 20).sum() > 200


def test_a_video_that_is_gone_is_told_and_the_ground_is_drawn(folder, tmp_path, capfd):
    (tmp_path / "grey.mp4").unlink()
    assert main(["render", str(folder), *SMALL, "-o", str(tmp_path / "o.mp4")]) == 0
    assert "grey.mp4" in said(capfd) and len(film_of(tmp_path / "o.mp4")[0]) == FRAMES


def test_a_video_that_ends_too_early_is_one_line_and_no_file(folder, tmp_path, capfd):
    shorter = filmed(tmp_path, small(frames=6))  # over the other one
    assert shorter.clip.video is not None
    assert main(["render", str(folder), *SMALL, "-o", str(tmp_path / "o.mp4")]) == 2
    assert "ends after frame" in said(capfd) and not (tmp_path / "o.mp4").exists()
    assert not list(tmp_path.glob(".*"))


BAD = [
    (["--out", "x.avi"], "expected .mp4, .gif, .png"),
    (["--size", "640"], "expected WIDTHxHEIGHT"),
    (["--size", "10x99999"], "expected 64 to 8192 px"),
    (["--fps", "0.1"], "expected 0.5 to 240"),
    (["--fps", "1000"], "expected 0.5 to 240"),
    (["--frames", "50:60"], f"selects none of the {FRAMES} frames"),
    (["--frames", "abc"], "expected START:STOP"),
    (["--renderer", "gll"], "Did you mean 'gl'?"),
    (["--renderer", "embree", "--set", "samples=0"], "samples"),
    (["--set", "samples"], "expected key.path=value"),
    (["--crf", "99"], "--crf"),
    (["--view", "sideways"], "sideways"),
]


@pytest.mark.parametrize("flags, words", BAD)
def test_bad_flags_are_one_line(folder, flags, words, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert main(["render", str(folder), *flags]) == 2
    message = said(capfd)
    assert words in message and "Traceback" not in message
    assert not list(folder.glob("*.mp4"))


def test_what_is_no_result_is_told(tmp_path, capfd):
    drawer()
    assert main(["render", str(tmp_path)]) == 2
    assert "expected a result folder, as `diffopt run` writes it" in said(capfd)
    assert main(["render", str(tmp_path / "absent.npz"), "-o", str(tmp_path / "x.mp4")]) == 2
    assert "does not exist" in said(capfd)
    assert main(["render", str(tmp_path / "absent")]) == 2
    assert "does not exist" in said(capfd)


def test_the_default_place_is_the_result_folder(folder, tmp_path, capfd):
    assert main(["render", str(folder / "motion.npz"), *SMALL, "--frames", ":2"]) == 0
    assert (folder / "overlay.mp4").exists()
    assert main(["render", str(folder), str(folder)]) == 2
    assert "--out: required" in said(capfd)


def test_a_folder_that_cannot_be_written_to(folder, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    assert main(["render", str(folder), "-o", str(tmp_path / "file" / "x.mp4")]) == 2
    assert "is a file, not a folder" in said(capfd)


def test_without_opengl_embree_draws_and_says_so(folder, tmp_path, monkeypatch, capfd):
    pytest.importorskip("embreex")

    def fails(self, ctx):
        raise MissingResource("renderer 'gl' cannot open an OpenGL context (no display)")

    monkeypatch.setattr(GlConfig, "build", fails)
    out = tmp_path / "o.png"
    assert main(["render", str(folder), *SMALL, "-o", str(out)]) == 0
    message = said(capfd)
    assert "rendering with embree" in message and "no display" in message and out.exists()
    monkeypatch.setattr(EmbreeConfig, "build", fails)
    assert main(["render", str(folder), *SMALL, "-o", str(out)]) == 2
    assert "no renderer works" in said(capfd)
