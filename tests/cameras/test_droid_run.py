"""DROID-SLAM as a foreign program: a stand-in of the same interface, in an environment of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from diffopt_cameras.configs import DroidConfig
from diffopt_cameras.droid import running
from diffopt_cameras.droid.source import DroidCamera
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.types import Video
from droid_files import clip_of

WIDTH, HEIGHT, FRAMES = 640, 360, 12

#: The interface of DROID-SLAM that the script uses; frame i is i steps along x. Writes down what it was given.
STAND_IN = """
import json
from pathlib import Path
import torch

LOG = Path(__file__).with_name("log.json")


class Update(torch.nn.Module):
    def forward(self, net, inp, corr, flow=None, ii=None, jj=None):
        weight = torch.ones(1, len(ii), *net.shape[-2:], 2)
        return net, weight.clone(), weight, net, net


class Value:
    value = 0


class Video:
    def __init__(self, size):
        self.counter, self.images = Value(), torch.zeros(64, 3, *size, dtype=torch.uint8)


class Net:
    def __init__(self):
        self.update = Update()


class Droid:
    def __init__(self, args):
        assert Path(args.weights).read_text() == "weights" and args.disable_vis and not args.stereo
        self.net, self.video, self.size = Net(), Video(args.image_size), list(args.image_size)
        self.log = {"size": self.size, "corner": [], "middle": [], "intrinsics": None, "masks": 0}

    def track(self, tstamp, image, depth=None, intrinsics=None%(mask)s):
        assert image.dtype == torch.uint8 and list(image.shape) == [1, 3, *self.size]
        self.log["corner"].append(image[0, :, 4, 4].tolist())
        self.log["middle"].append(image[0, :, self.size[0] // 2, self.size[1] // 2].tolist())
        self.log["intrinsics"] = intrinsics.tolist()
        %(take)s
        if %(keyframes)s:
            self.video.images[self.video.counter.value] = image[0]
            self.video.counter.value += 1

    def terminate(self, stream):
        count = self.video.counter.value
        net = torch.zeros(1, count, 8, self.size[0] // 8, self.size[1] // 8)
        weight = self.net.update(net, net, net, net, torch.arange(count), torch.arange(count))[2]
        self.log["silent"] = (weight == 0).float().mean((0, 1, 4)).tolist()
        frames = [number for number, image, intrinsics in stream]
        LOG.write_text(json.dumps(self.log))
        poses = torch.zeros(len(frames), 7)
        poses[:, 0], poses[:, 6] = torch.tensor(frames, dtype=torch.float32), 1.0
        return poses.numpy()
"""


def stand_in(folder, mask="", take="pass", keyframes="True"):
    code = folder / "droid_slam"
    code.mkdir(parents=True)
    (code / "droid.py").write_text(STAND_IN % {"mask": mask, "take": take, "keyframes": keyframes})
    return folder


def environment(folder, name, code):
    """An environment with one more module; the path of its folder."""
    site, python = folder / "site", folder / "env" / "bin" / "python"
    site.mkdir()
    (site / f"{name}.py").write_text(code)
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{site}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return str(folder / "env")


@pytest.fixture
def machine(tmp_path):
    """Its torch says that it has a GPU."""
    return environment(tmp_path, "sitecustomize", "import torch\ntorch.cuda.is_available = lambda: True\n")


@pytest.fixture
def light(tmp_path):
    """A stand-in for torch that says whether there is a GPU, and is imported in no time."""

    def make(gpu):
        return environment(tmp_path, "torch", f"class cuda:\n    is_available = staticmethod(lambda: {gpu})\n")

    return make


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Even frames, red over all, a little darker from one to the next."""
    path = tmp_path_factory.mktemp("video") / "red.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for i in range(FRAMES):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            image[..., 0] = 240 - 5 * i
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def clip(video):
    bare = clip_of(FRAMES, 500.0, (WIDTH, HEIGHT))
    return replace(bare, video=Video(video, tuple(range(FRAMES)), (WIDTH, HEIGHT)))


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "droid.pth"
    path.write_text("weights")
    return path


def run(clip, env, observations=None, **options):
    return DroidCamera(DroidConfig(**options), Registry().context(env=env)).trajectory(
        clip, observations or clip.observations
    )


def with_person(clip):
    """Observations with a person in the middle of every frame."""
    masks = torch.zeros(FRAMES, 90, 160, dtype=torch.bool)
    masks[:, 30:60, 60:100] = True
    return replace(clip.observations, masks=masks)


@pytest.mark.slow
def test_our_side_of_a_run(tmp_path, clip, machine, weights, caplog):
    folder = stand_in(tmp_path / "DROID-SLAM")
    camera = run(clip, machine, with_person(clip), repository=folder, weights=weights)
    assert torch.allclose(camera.position[:, 0], torch.arange(float(FRAMES)))
    assert torch.allclose(camera.t[:, 0], -torch.arange(float(FRAMES)))
    assert (camera.focal == 500).all() and camera.facts["focal_from"] == "--focal"
    assert not camera.metric and not camera.filled.any()
    assert "weights set to zero" in camera.facts["people_masked"] and "not fully masked" not in caplog.text
    log = json.loads((folder / "droid_slam" / "log.json").read_text())
    assert log["size"] == [328, 584]  # 332 x 591, cropped to multiples of 8
    assert np.allclose(log["intrinsics"], [500 * 591 / 640, 500 * 332 / 360, 295.5, 166])
    blue, green, red = log["corner"][0]
    assert red > 200 and blue < 40 and green < 40
    assert log["middle"] == [[104, 116, 124]] * FRAMES
    silent = np.array(log["silent"])
    assert silent[20, 36] == 1 and silent[2, 2] == 0 and 0.05 < silent.mean() < 0.15


@pytest.mark.slow
def test_a_fork_that_takes_masks_gets_them_and_few_keyframes_are_said(tmp_path, clip, machine, weights, caplog):
    take = 'self.log["masks"] += int(mask[20, 36] > 0) * int(mask[2, 2] == 0); assert mask.shape == (41, 73)'
    folder = stand_in(tmp_path / "fork", mask=", mask=None", take=take, keyframes="tstamp % 4 == 0")
    camera = run(clip, machine, with_person(clip), repository=folder / "droid_slam", weights=weights)
    assert "fork" in camera.facts["people_masked"]
    assert json.loads((folder / "droid_slam" / "log.json").read_text())["masks"] == FRAMES
    assert camera.facts["keyframes"] == 3 and "only 3 keyframes" in caplog.text


@pytest.mark.slow
def test_no_motion_and_no_masks_are_said_aloud(tmp_path, clip, machine, weights, caplog):
    folder = stand_in(tmp_path / "d", keyframes="tstamp == 0")
    camera = run(clip, machine, repository=folder, weights=weights)
    assert camera.facts["static"] and not camera.t.any() and "saw no camera motion" in caplog.text
    assert camera.facts["people_masked"].startswith("none") and "not fully masked" in caplog.text


def test_no_gpu(tmp_path, clip, light, weights):
    with pytest.raises(MissingResource, match="needs an NVIDIA GPU"):
        run(clip, light(False), repository=stand_in(tmp_path / "d"), weights=weights)


def test_a_package_of_droid_that_is_missing_is_named(tmp_path, clip, light, weights):
    folder = stand_in(tmp_path / "d")
    code = folder / "droid_slam" / "droid.py"
    code.write_text("import lietorch_that_is_not_there\n")
    with pytest.raises(MissingResource, match=r"lietorch_that_is_not_there.*princeton-vl/DROID-SLAM.*--env"):
        run(clip, light(True), repository=folder, weights=weights)


def test_what_is_missing_is_said_before_anything_runs(tmp_path, clip, weights, monkeypatch):
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path / "none"))
    folder = stand_in(tmp_path / "d")
    with pytest.raises(MissingResource, match=r"git clone --recursive .*camera\.repository=FOLDER"):
        run(clip, None, weights=weights)
    with pytest.raises(MissingResource, match=r"has no droid_slam/droid\.py"):
        run(clip, None, weights=weights, repository=tmp_path)
    with pytest.raises(MissingResource, match=r"no weights at .*gone\.pth.*diffopt weights get droid"):
        run(clip, None, weights=tmp_path / "gone.pth", repository=folder)
    with pytest.raises(MissingResource, match="diffopt weights get droid"):
        run(clip, None, repository=folder)
    with pytest.raises(MissingResource, match="cannot be installed on demand"):
        run(clip, "uv", repository=folder, weights=weights)


def test_no_video_and_no_focal(clip):
    with pytest.raises(BadInput, match=r"video: .*--camera droid=FILE"):
        run(replace(clip, video=None), None)
    with pytest.raises(BadInput, match=r"focal: .*--focal"):
        run(replace(clip, focal=None), None)


def test_poses_of_another_length_are_refused(tmp_path, clip, weights, monkeypatch):
    out = {"poses": np.zeros((11, 7)), "keyframes": np.array(9), "warmup": np.array(8), "masking": np.array("painted")}
    monkeypatch.setattr(running, "run_script", lambda *_, **__: out)
    with pytest.raises(DiffOptError, match=r"\(11, 7\) for 12 frames"):
        run(clip, None, repository=stand_in(tmp_path / "d"), weights=weights)


def test_terms_are_those_of_what_is_used(tmp_path):
    assert DroidConfig(file=tmp_path).terms_of_use() == "" and "BSD" in DroidConfig().terms_of_use()
