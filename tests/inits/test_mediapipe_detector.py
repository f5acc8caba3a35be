"""The detector ``mediapipe`` from video to observations, with a stand-in for MediaPipe; once with the real one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from diffopt_core.common.places import cache_folder
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.host.testing import DetectorContract
from diffopt_core.perception.video import probe
from diffopt_core.perception.weights import Found
from diffopt_core.types import Clip, Observations, Video
from diffopt_inits.detectors import MediapipeConfig
from diffopt_inits.mediapipe import chunks
from diffopt_inits.mediapipe.detector import SOLUTIONS, _say_heavy
from goldens import beside

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in's interpreter is a shell script")
SIZE = (320, 240)
#: As the user's: where a real environment may have been built.
CACHE = cache_folder()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFOPT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path / "weights"))


@pytest.fixture
def python(tmp_path) -> str:
    return make_python(tmp_path)


def make_python(folder: Path) -> str:
    """An interpreter that finds the stand-in."""
    path = folder / "python"
    stand_in = Path(__file__).with_name("stand_in")
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{stand_in}:$PYTHONPATH" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)
    return str(path)


def film(folder: Path, frames: list[list[tuple[int, int]]], person: str = "largest") -> Clip:
    """A clip of people at ``x`` of ``height`` px, frame by frame."""
    path = folder / f"{len(frames)}.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "bgr0"
        for people in frames:
            image = np.full((SIZE[1], SIZE[0], 3), 40, np.uint8)
            for x, height in people:
                image[200 - height : 200, x - height // 6 : x + height // 6] = (230, 20, 30)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    return clip_of(path, person)


def clip_of(path: Path, person: str = "largest") -> Clip:
    seen = probe(path)
    video = Video(path, tuple(range(seen.count)), seen.size, seen.rotation)
    return Clip(path.stem, path, seen.fps or 25.0, seen.size, seen.count, video=video, person=person)


def detect(clip: Clip, named: str | None, **options) -> Observations:
    ctx = Registry().context(env=named)
    return MediapipeConfig(**options).build(ctx).detect(clip)


def walk(count: int) -> list[list[tuple[int, int]]]:
    return [[(60 + 2 * i, 120)] for i in range(count)]


class TestContract(DetectorContract):
    name = "mediapipe"

    def build(self, ctx=None):
        return self.config(env=self.python).build(ctx or self.context())

    def clip(self, folder: Path) -> Clip:
        self.python = make_python(folder)
        return film(folder, walk(12))


def test_one_person(tmp_path, python):
    seen = detect(film(tmp_path, walk(40)), python)
    assert seen.valid.all() and seen.layout == seen.landmark_layout == "blazepose33"
    x = torch.tensor([60.0 + 2 * i for i in range(40)])
    torch.testing.assert_close(seen.keypoints[..., 0].mean(1), x, atol=0.5, rtol=0)
    torch.testing.assert_close(seen.keypoints[..., 1].mean(1), torch.full((40,), 140.0), atol=0.5, rtol=0)
    assert seen.keypoints[..., 2].unique().tolist() == [pytest.approx(0.9)]
    assert seen.masks is not None and seen.masks.shape == (40, 120, 160) and seen.masks.dtype == torch.bool
    assert seen.masks.float().mean() == pytest.approx(40 * 120 / SIZE[0] / SIZE[1], rel=0.1)
    assert seen.landmarks is not None and seen.landmarks[..., :3].norm(dim=-1).max() < 1.2
    facts = json.loads(json.dumps(seen.facts))
    assert facts["version"] == "0.10.21" and facts["frames_without_person"] == 0
    assert list(facts["person"]["boxes"]) == ["1"]


@pytest.mark.slow
def test_keypoints_are_pixels_of_the_full_image(tmp_path, python):
    clip = film(tmp_path, walk(6))
    small, full = detect(clip, python, longest=160), detect(clip, python)
    torch.testing.assert_close(small.keypoints, full.keypoints, atol=3.0, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("person", "x"), [("largest", 240), ("longest", 80), ("1", 80), ("2", 240)])
def test_two_people(tmp_path, python, caplog, person, x):
    """The one on the right is larger, and leaves."""
    frames = [[(80, 90)] + ([(240, 150)] if i < 35 else []) for i in range(50)]
    seen = detect(film(tmp_path, frames, person), python)
    assert seen.valid.tolist() == [x == 80 or i < 35 for i in range(50)]
    assert (seen.keypoints[seen.valid][..., 0].mean(1) - x).abs().max() < 1
    assert not seen.keypoints[~seen.valid].any() and not seen.landmarks[~seen.valid].any()
    assert ("2 people" in caplog.text) == (not person.isdigit()) and len(seen.facts["person"]["boxes"]) == 2
    # the other one is masked too, for cameras that must not track them
    assert seen.masks is not None and seen.masks[10, 75, 40] and seen.masks[10, 75, 120]


@pytest.mark.slow
def test_the_larger_one_passing_does_not_take_over(tmp_path, python):
    """The one that was chosen is followed although somebody larger is in the image for a while."""
    frames = [[(70, 100)] + ([(220, 150)] if 20 <= i < 40 else []) for i in range(75)]
    seen = detect(film(tmp_path, frames, "longest"), python)
    assert seen.valid.all() and (seen.keypoints[..., 0].mean(1) - 70).abs().max() < 1


@pytest.mark.slow
def test_somebody_small_is_looked_at_close_up(tmp_path, python):
    """Two chunks: the region of one would have to be too wide."""
    seen = detect(film(tmp_path, [[(20 + 2 * i, 60)] for i in range(140)]), python)
    assert seen.facts["close_up"] and seen.facts["chunks"] == 2 and seen.valid.all()
    x = torch.tensor([20.0 + 2 * i for i in range(140)])
    torch.testing.assert_close(seen.keypoints[..., 0].mean(1), x, atol=0.6, rtol=0)
    torch.testing.assert_close(seen.keypoints[..., 1].mean(1), torch.full((140,), 170.0), atol=0.6, rtol=0)
    assert seen.masks is not None and seen.masks[70, 85, 80] and not seen.masks[70, 85, 100]


def test_the_person_leaves_and_comes_back(tmp_path, python):
    frames = [[] if 20 <= i < 30 else [(100, 120)] for i in range(50)]
    seen = detect(film(tmp_path, frames), python)
    assert seen.valid.tolist() == [not 20 <= i < 30 for i in range(50)]
    assert not seen.keypoints[20:30].any() and not seen.masks[20:30].any()
    assert seen.facts["frames_without_person"] == 10


def test_nobody(tmp_path, python):
    with pytest.raises(BadInput, match=r"30.mkv: person: no person .*detector.detection_confidence=0.25"):
        detect(film(tmp_path, [[]] * 30), python)


def test_nobody_of_that_number(tmp_path, python):
    with pytest.raises(BadInput, match="person: no track is named '2'"):
        detect(film(tmp_path, walk(30), "2"), python)


@pytest.mark.parametrize("count", [1, 2])
def test_hardly_any_frames(tmp_path, python, count):
    assert detect(film(tmp_path, walk(count)), python).valid.sum() == count


def test_frames_of_the_source_are_those_of_the_clip(tmp_path, python):
    clip = film(tmp_path, walk(40))
    part = Video(clip.path, (5, 5, 11, 30), SIZE)
    seen = detect(Clip("part", clip.path, 25.0, SIZE, 4, video=part), python)
    torch.testing.assert_close(seen.keypoints[..., 0].mean(1), torch.tensor([70.0, 70, 82, 120]), atol=0.5, rtol=0)


def test_without_images(python):
    with pytest.raises(BadInput, match=r"case.npz: detector mediapipe: the clip has no images"):
        detect(Clip("case", Path("case.npz"), 25.0, SIZE, 10), python)


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path, python, monkeypatch):
    """The second run does only what is missing, and nothing comes out otherwise than without the kill."""
    monkeypatch.setattr(chunks, "LENGTH", 20)
    monkeypatch.setenv("STAND_IN_LOG", str(tmp_path / "log"))
    clip = film(tmp_path, walk(70))
    whole = detect(clip, python)
    assert len((tmp_path / "log").read_text()) // 2 == 70 + 2 * chunks.WARM
    monkeypatch.setenv("DIFFOPT_CACHE", str(tmp_path / "other"))
    (tmp_path / "log").unlink()
    monkeypatch.setenv("STAND_IN_DIES", "65")
    with pytest.raises(DiffOptError, match="killed by signal 9"):
        detect(clip, python)
    (tmp_path / "log").unlink()
    monkeypatch.delenv("STAND_IN_DIES")
    again = detect(clip, python)
    # chunks 0 and 1 (20 frames each) were done after 40 frames and two run-ups
    assert len((tmp_path / "log").read_text()) // 2 == 30 + chunks.WARM
    assert again.facts["chunks_from_cache"] == 2
    for name in ("keypoints", "landmarks", "masks", "valid"):
        assert torch.equal(getattr(again, name), getattr(whole, name))
    (tmp_path / "log").unlink()
    assert detect(clip, python).facts["chunks_from_cache"] == 3 and not (tmp_path / "log").exists()


def test_a_damaged_chunk_is_said_and_made_anew(tmp_path, python):
    clip = film(tmp_path, walk(12))
    detect(clip, python)
    (kept,) = cache_folder().glob("mediapipe/*/chunk_*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(BadInput, match="has been removed; run again"):
        detect(clip, python)
    assert detect(clip, python).valid.all()


def test_missing_pieces_are_named(tmp_path, python, monkeypatch):
    clip = film(tmp_path, walk(3))
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(MissingResource, match="diffopt weights get pose-landmarker-heavy-task"):
        detect(clip, python, backend="tasks", complexity=2)
    with pytest.raises(MissingResource, match=r"nowhere.task"):
        detect(clip, python, backend="tasks", model=tmp_path / "nowhere.task")
    with pytest.raises(
        DiffOptError, match=r"heavy model is not in.*get pose-landmarker-heavy`, or put it at .*heavy.tf"
    ):
        detect(clip, python, complexity=2)


def test_the_heavy_model_is_taken_where_it_was_fetched(tmp_path, python, monkeypatch, caplog):
    """It is put where MediaPipe looks for it; without it, once, its advantage is said."""
    clip, home = film(tmp_path, walk(6)), tmp_path / "package"
    (home / "modules" / "pose_landmark").mkdir(parents=True)
    monkeypatch.setenv("STAND_IN_HOME", str(home))
    _say_heavy.cache_clear()
    detector = Registry.load().context(env=python).build("detector", "auto")
    assert detector.state() == "complexity 1"  # enters the key of what is kept
    for _ in range(2):
        assert detector.detect(clip).facts["model"] == "full"
        assert caplog.text.count("diffopt weights get pose-landmarker-heavy") == 1
    heavy = tmp_path / "weights" / "pose_landmark_heavy.tflite"
    heavy.parent.mkdir()
    heavy.write_bytes(b"many numbers")
    monkeypatch.setattr("diffopt_inits.mediapipe.detector.find", lambda file: Found(heavy, "", True))
    assert detector.state() == "complexity 2" and detector.detect(clip).facts["model"] == "heavy"
    assert (home / "modules" / "pose_landmark" / heavy.name).read_bytes() == b"many numbers"


def test_env_of_the_config_goes_before_that_of_the_run(tmp_path, python):
    assert detect(film(tmp_path, walk(3)), "/no/such/python", env=python).valid.all()
    with pytest.raises(MissingResource, match="/no/such/python"):
        detect(film(tmp_path, walk(4)), "/no/such/python")


@pytest.mark.slow
@pytest.mark.parametrize("real", [None, *beside("real/walk.mp4")])
def test_real_mediapipe(tmp_path, real):
    """The package itself finds nobody in a plain bar; in a real film, what the same release gave of whole frames (this
    person is small enough to be looked at close up)."""
    key = SOLUTIONS.key("{}.{}".format(*sys.version_info[:2]))
    if not (CACHE / "environments" / key / "ready.json").is_file():
        pytest.skip("MediaPipe's environment is not built; any run with --detector mediapipe builds it")
    scratch = Path(os.environ["DIFFOPT_CACHE"])
    scratch.mkdir()
    (scratch / "environments").symlink_to(CACHE / "environments")
    if real is None:
        with pytest.raises(BadInput, match="no person is found"):
            detect(film(tmp_path, walk(5)), "uv")
        return
    clip = clip_of(real)
    video = Video(clip.video.path, tuple(range(20)), clip.size)
    seen = detect(Clip("walk", clip.path, clip.fps, clip.size, 20, video=video), "uv")
    with np.load(real.with_suffix(".landmarks.npz")) as known:
        points, world = known["landmarks_2d"][:20], known["landmarks_world"][:20]
    assert seen.valid.all()
    assert np.median(np.linalg.norm(seen.keypoints[..., :2].numpy() - points[..., :2], axis=-1)) < 2
    assert np.median(np.linalg.norm(seen.landmarks[..., :3].numpy() - world[..., :3], axis=-1)) < 0.03
