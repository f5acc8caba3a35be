"""Initializers ``hmr2`` and ``vibe``: run in an environment of stand-ins, which answer with a known motion."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from diffopt_core.data.rotation import axis_angle_to_matrix
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.host.testing import InitializerContract
from diffopt_core.types import CameraTrajectory, Observations
from diffopt_formats.pelvis import PUBLISHED
from diffopt_inits.crops.base import body_of_crops
from diffopt_inits.readers.configs import Hmr2Config, VibeConfig
from goldens import golden
from people_cases import SIZE, clip_of, context, environment, person, write_video

conversions = golden("camera_conversions.npz")

#: Frames of the video that the clip shows; the person is not seen in the fourth of them.
NUMBERS, ABSENT, FOCAL = (0, 1, 2, 3, 3, 5, 7), 3, 400.0
N = len(NUMBERS)

#: The package as our script calls it. It turns with the brightness of the image (frame i has 5 i), and answers with
#: the camera that looks at a person of 2 m who fills the box.
DATASET = """
    import numpy as np

    class ViTDetDataset:
        def __init__(self, config, image, boxes):
            assert config == "config" and image.dtype == np.uint8 and image.flags.c_contiguous
            self.image, self.box = image, boxes[0]

        def __getitem__(self, index):
            print("noise that must not reach the channel")
            x0, y0, x1, y1 = self.box
            side = max((x1 - x0) / 0.75, y1 - y0)
            return {
                "img": np.full((3, 8, 8), self.image.mean(), np.float32), "personid": 0,
                "box_center": np.array([(x0 + x1) / 2, (y0 + y1) / 2], np.float32), "box_size": np.float32(side),
                "img_size": np.array(self.image.shape[1::-1], np.float64),
            }
"""
MODELS = """
    import os, torch
    DEFAULT_CHECKPOINT = os.environ.get("FAKE_CHECKPOINT", "/nowhere/default.ckpt")

    class Part(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.share = torch.nn.Parameter(torch.zeros(()))

    class HMR2(torch.nn.Module):
        def __init__(self, cfg, init_renderer=True):
            super().__init__()
            assert cfg == "config" and not init_renderer
            self.backbone, self.smpl_head, self.smpl = Part(), Part(), Part()

        def forward(self, batch):
            angle = batch["img"].mean((1, 2, 3)) / 100 * self.backbone.share * self.smpl_head.share
            n, zero, one = len(angle), torch.zeros_like(angle), torch.ones_like(angle)
            turn = torch.stack([angle.cos(), zero, angle.sin(), zero, one, zero, -angle.sin(), zero, angle.cos()], -1)
            pose = torch.eye(3).expand(n, 23, 3, 3)
            smpl = {"global_orient": turn.reshape(n, 1, 3, 3), "body_pose": pose, "betas": torch.zeros(n, 10)}
            cam = torch.tensor([0.9, 0.01, 0.2]).repeat(n, 1)
            return {"pred_smpl_params": smpl, "pred_cam": cam * SIGN}

    SIGN = float(os.environ.get("FAKE_SIGN", "1"))

    def load_hmr2(path):
        if "nosmpl" in path:
            raise FileNotFoundError("SMPL model not found. Please download it")
        return HMR2.load_from_checkpoint(path, strict=False, cfg="config"), "config"
"""
CROP = """
    import torch

    def get_single_image_crop_demo(image, bbox, kp_2d, scale, crop_size):
        assert kp_2d is None and bbox[2] == bbox[3] and (scale, crop_size) == (1.1, 224)
        return torch.full((3, 8, 8), float(image.mean())), None, None
"""
VIBE = """
    import torch
    from lib.models import spin

    class Scale(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.zeros(()))

    class VIBE_Demo(torch.nn.Module):
        def __init__(self, seqlen, n_layers, hidden_size, add_linear, use_residual):
            super().__init__()
            spin.resnet.resnet50(pretrained=True)
            self.hmr, self.encoder = Scale(), Scale()
            self.hmr.load_state_dict(torch.load("spin")["model"])

        def forward(self, images):
            assert images.dim() == 5 and images.shape[0] == 1
            theta = torch.zeros(1, images.shape[1], 85)
            theta[..., 0] = self.encoder.scale * self.hmr.scale
            theta[..., 2] = 0.2
            theta[..., 4] = images.mean((2, 3, 4)) / 100
            return [{"theta": theta}]
"""
SPIN = """
    class resnet:
        def resnet50(pretrained=False):
            assert not pretrained, "it would be downloaded"
"""


@pytest.fixture
def clip(tmp_path):
    return clip_of(0, write_video(tmp_path / "v.mkv", 12), numbers=NUMBERS)


def evidence(clip) -> tuple[Observations, CameraTrajectory]:
    n = clip.num_frames
    points = torch.from_numpy(person(n, 17, 100, (60, 70))).float()
    valid = torch.arange(n) != ABSENT
    camera = CameraTrajectory(
        torch.eye(3).expand(n, 3, 3), torch.zeros(n, 3), torch.full((n, 2), FOCAL),
        torch.tensor(SIZE).float().expand(n, 2) / 2, facts={"focal_from": "a test"},
    )  # fmt: skip
    return Observations(points, "coco17", valid), camera


def check(body, side: float, scale: float, offset: tuple[float, float]) -> None:
    """The known motion, placed by the camera's focal length. ``side``: of the crop, px; ``scale``: the network's."""
    angle = torch.tensor([5.0 * i / 100 for i in NUMBERS])
    turn = axis_angle_to_matrix(torch.stack([0 * angle, angle, 0 * angle], -1))
    torch.testing.assert_close(body.global_orient, turn, atol=2e-3, rtol=0)
    torch.testing.assert_close(body.body_pose, torch.eye(3).expand(N, 23, 3, 3), atol=1e-5, rtol=0)
    px = scale * side / 2  # a metre at the person's depth
    centre = np.array([110.0, 120.0]) + np.arange(N)[:, None] * [1.0, 0.0]
    centre[ABSENT] = centre[ABSENT + 1]  # the frame is shown twice, and seen once
    transl = np.concatenate([offset + (centre - np.array(SIZE) / 2) / px, np.full((N, 1), FOCAL / px)], 1)
    np.testing.assert_allclose(body.transl, transl + np.array(PUBLISHED["smpl"]), atol=1e-3)
    assert body.facts["focal_from"] == "a test" and body.facts["boxes"] == "around the keypoints"


def hmr2_checkpoint(**changes) -> dict:
    """As lightning saves it, with an object that a reader of tensors does not know."""
    state = {
        "backbone.share": torch.tensor(1.0),
        "smpl_head.share": torch.tensor(1.0),
        "discriminator.x": torch.zeros(3),
    }
    state = {key: value for key, value in (state | changes).items() if value is not None}
    return {"epoch": 35, "hyper_parameters": {"cfg": Fraction(1, 2), "in": OrderedDict(a=[1])}, "state_dict": state}


@pytest.fixture
def hmr2(tmp_path, monkeypatch):
    """Runs the initializer in the stand-ins' environment."""
    modules = {"hmr2__datasets__vitdet_dataset": DATASET, "hmr2__models": MODELS}
    env = environment(tmp_path / "env", **modules)
    torch.save(hmr2_checkpoint(), tmp_path / "model.ckpt")
    monkeypatch.delenv("DIFFOPT_SMPL", raising=False)

    def run(clip, **options):
        options = {"checkpoint": tmp_path / "model.ckpt", "batch": 4} | options
        return Hmr2Config(**options).build(context(env=str(env))).initialize(clip, *evidence(clip))

    return run


@pytest.mark.slow
def test_hmr2_gives_back_the_known_motion(clip, hmr2):
    body = hmr2(clip)
    check(body, 120 / 0.75, 0.9, (0.01, 0.2))
    assert body.facts["filled"] == [] and body.betas_of == "smpl"


@pytest.mark.slow
def test_frames_without_the_person_are_filled_and_listed(clip, hmr2, tmp_path):
    other = replace(clip, video=replace(clip.video, frames=(0, 1, 2, 3, 4, 5, 6)))
    body = hmr2(other)
    assert body.facts["filled"] == [ABSENT]
    torch.testing.assert_close(body.transl[ABSENT], (body.transl[2] + body.transl[4]) / 2, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_the_packages_own_checkpoint_is_the_default(clip, hmr2, monkeypatch, tmp_path):
    monkeypatch.setenv("FAKE_CHECKPOINT", str(tmp_path / "model.ckpt"))
    assert hmr2(clip, checkpoint=None).transl.shape == (N, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("checkpoint", "problem"),
    [
        (None, r"no checkpoint at /nowhere/default\.ckpt; fetch it with `diffopt weights get hmr2` and unpack"),
        ("nosmpl.ckpt", r"SMPL model not found.*register at https://smpl\.is\.tue\.mpg\.de"),
    ],
)
def test_what_hmr2_lacks_is_said(clip, hmr2, tmp_path, checkpoint, problem):
    (tmp_path / "nosmpl.ckpt").touch()
    with pytest.raises(MissingResource, match=problem):
        hmr2(clip, checkpoint=tmp_path / checkpoint if checkpoint else None)


def renamed(prefix: str, change=lambda value: value) -> dict:
    held = hmr2_checkpoint()
    return {**held, "state_dict": {prefix + key: change(value) for key, value in held["state_dict"].items()}}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["half", "module.", "ema"])
def test_other_forms_of_the_checkpoint_are_the_same(clip, hmr2, tmp_path, how):
    held = renamed("module.") if how == "module." else renamed("", torch.Tensor.half)
    torch.save(held | {"ema_state_dict": {"backbone.share": torch.zeros(9)}}, tmp_path / "model.ckpt")
    check(hmr2(clip), 120 / 0.75, 0.9, (0.01, 0.2))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("held", "problem"),
    [
        (hmr2_checkpoint(**{"smpl_head.share": None}), r"smpl_head\.share is missing; it is of another model than its"),
        (hmr2_checkpoint(**{"backbone.share": torch.zeros(2)}), r"backbone\.share is \[2\], expected \[\]; it is of"),
        (renamed("other."), r"backbone\.share is missing and 1 more; it is of another model"),
        ({"model": {"a": torch.zeros(1)}}, r"state_dict is missing; expected a checkpoint of HMR2\.0.*it has model"),
        (None, r"cannot be read as a checkpoint of torch"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(clip, hmr2, tmp_path, held, problem):
    (tmp_path / "model.ckpt").write_bytes(b"PK") if held is None else torch.save(held, tmp_path / "model.ckpt")
    with pytest.raises(DiffOptError, match=rf"^hmr2: .*model\.ckpt.*{problem}") as caught:
        hmr2(clip)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_person_behind_the_camera_is_no_result(clip, hmr2, monkeypatch):
    monkeypatch.setenv("FAKE_SIGN", "-1")
    with pytest.raises(DiffOptError, match="behind the camera in every frame"):
        hmr2(clip)


@pytest.fixture
def vibe(tmp_path, monkeypatch):
    env = environment(tmp_path / "env", torchvision="", smplx="")
    clone = (
        environment(tmp_path / "clone", lib__data_utils__img_utils=CROP, lib__models__vibe=VIBE, lib__models__spin=SPIN)
        / "modules"
    )
    data = clone / "data" / "vibe_data"
    data.mkdir(parents=True)
    (data / "SMPL_NEUTRAL.pkl").touch()
    torch.save({"model": {"scale": torch.tensor(0.5)}, "epoch": 9}, data / "spin_model_checkpoint.pth.tar")
    torch.save({"gen_state_dict": {"encoder.scale": torch.tensor(1.8)}}, data / "vibe_model_wo_3dpw.pth.tar")
    monkeypatch.delenv("DIFFOPT_SMPL", raising=False)

    def run(clip, **options):
        options = {"repository": clone} | options
        return VibeConfig(**options).build(context(env=str(env))).initialize(clip, *evidence(clip))

    run.data = data
    return run


@pytest.mark.slow
@pytest.mark.parametrize("batch", [450, 4])
def test_vibe_gives_back_the_known_motion(clip, vibe, batch):
    check(vibe(clip, batch=batch), 120 * 1.1, 0.9, (0.0, 0.2))


@pytest.mark.parametrize("name", ["spin_model_checkpoint.pth.tar", "SMPL_NEUTRAL.pkl", "vibe_model_wo_3dpw.pth.tar"])
def test_what_vibe_lacks_is_said(clip, vibe, name):
    (vibe.data / name).unlink()
    with pytest.raises(
        MissingResource,
        match=rf"{name}( does not exist)?; (run scripts/prepare_data\.sh|fetch it with `diffopt weights)",
    ):
        vibe(clip)


@pytest.mark.slow
def test_another_checkpoint_is_no_vibe(clip, vibe, tmp_path):
    torch.save({"model": {}}, tmp_path / "other.pth")
    with pytest.raises(DiffOptError, match="expected a checkpoint of VIBE"):
        vibe(clip, checkpoint=tmp_path / "other.pth")
    torch.save({"gen_state_dict": {"encoder.other": torch.zeros(2)}}, tmp_path / "other.pth")
    with pytest.raises(
        DiffOptError, match=r"^vibe: .*other\.pth: encoder\.scale is missing, .* another model than VIBE"
    ):
        vibe(clip, checkpoint=tmp_path / "other.pth")
    torch.save({"gen_state_dict": {"module.encoder.scale": torch.zeros(2)}}, tmp_path / "other.pth")
    with pytest.raises(DiffOptError, match=r"encoder\.scale is \[2\], expected \[\]"):
        vibe(clip, checkpoint=tmp_path / "other.pth")
    torch.save({"optimizer": {}}, vibe.data / "spin_model_checkpoint.pth.tar")
    with pytest.raises(BadInput, match=r"spin_model_checkpoint.*model: is missing; expected a checkpoint of SPIN"):
        vibe(clip)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (Hmr2Config(env="here"), r"hmr2 is not installed.*4D-Humans.*--env conda:NAME; or give a result: --init hmr2="),
        (Hmr2Config(env="uv"), "uv cannot build its environment"),
        (VibeConfig(env="here"), r"clone github\.com/mkocabas/VIBE.*initializer\.repository=FOLDER"),
        (VibeConfig(env="here", repository=Path("/nowhere")), r"/nowhere/lib/models/vibe\.py does not exist"),
        (VibeConfig(env="uv"), "uv cannot build its environment"),
    ],
)
def test_without_the_tool_it_says_how_to_get_it(clip, config, problem):
    with pytest.raises(MissingResource, match=problem):
        config.build(context()).initialize(clip, *evidence(clip))


@pytest.mark.parametrize("config", [Hmr2Config(), VibeConfig()])
def test_images_and_a_person_in_them_are_needed(clip, config):
    with pytest.raises(BadInput, match="no images"):
        config.build(context()).initialize(clip_of(N), *evidence(clip))
    seen, camera = evidence(clip)
    with pytest.raises(BadInput, match="not detected in any frame"):
        config.build(context()).initialize(clip, replace(seen, valid=torch.zeros(N, dtype=torch.bool)), camera)


# --- with a file: the formats themselves are tested with their readers


def vibe_file(path: Path, frames: int) -> str:
    row = {
        "pose": np.zeros((frames, 72)), "betas": np.zeros((frames, 10)), "frame_ids": np.arange(frames),
        "orig_cam": np.tile([0.3, 0.5, 0.1, 0.2], (frames, 1)), "bboxes": np.tile([100.0, 100, 90, 90], (frames, 1)),
    }  # fmt: skip
    joblib.dump({1: row}, path)
    return str(path)


def phalp_file(path: Path, frames: int) -> str:
    smpl = {"global_orient": np.eye(3)[None], "body_pose": np.tile(np.eye(3), (23, 1, 1)), "betas": np.zeros(10)}
    content = {
        f"{i:06d}.jpg": {
            "time": i, "tid": [1], "tracked_ids": [1], "smpl": [smpl], "camera_bbox": [np.array([0.9, 0.0, 0.2])],
            "center": [np.array([300.0, 200])], "bbox": [np.array([200.0, 100, 200, 300])], "size": [[720, 1280]],
        } for i in range(frames)
    }  # fmt: skip
    joblib.dump(content, path, compress=3)
    return str(path)


class TestHmr2(InitializerContract):
    name = "hmr2"

    @pytest.fixture(autouse=True)
    def file(self, tmp_path, monkeypatch):
        monkeypatch.setattr(type(self), "options", {"file": phalp_file(tmp_path / "r.pkl", 12)})


class TestVibe(InitializerContract):
    name = "vibe"

    @pytest.fixture(autouse=True)
    def file(self, tmp_path, monkeypatch):
        monkeypatch.setattr(type(self), "options", {"file": vibe_file(tmp_path / "r.pkl", 12)})


@pytest.mark.parametrize("cls", [Hmr2Config, VibeConfig])
def test_a_file_of_another_kind_is_refused(clip, tmp_path, cls):
    joblib.dump([1, 2], tmp_path / "r.pkl")
    with pytest.raises(BadInput, match=r"r\.pkl"):
        cls(file=tmp_path / "r.pkl").build(context()).initialize(clip, *evidence(clip))
    with pytest.raises(MissingResource, match="no file at"):
        cls(file=tmp_path / "nowhere.pkl").build(context()).initialize(clip, *evidence(clip))


def test_the_published_conversion_from_crop_to_image_is_ours(conversions):
    """HMR2.0's own full-image translation, at its own focal length."""
    given = {key: value.numpy() for key, value in conversions.items()}
    n, size = len(given["weak_cam"]), tuple(int(v) for v in given["img_wh"])
    found = {
        "frames": np.arange(n), "cam": given["weak_cam"], "centre": given["box_center"],
        "side": given["box_size"], "betas": np.zeros((n, 10)), "orient": np.tile(np.eye(3), (n, 1, 1)),
        "body_pose": np.tile(np.eye(3), (n, 23, 1, 1)),
    }  # fmt: skip
    focal, wanted = float(given["hmr2/focal"]), given["hmr2/cam_t_full"]
    clip = replace(clip_of(n), size=size)
    camera = CameraTrajectory(
        torch.eye(3).expand(n, 3, 3), torch.zeros(n, 3), torch.full((n, 2), focal),
        torch.tensor(size).float().expand(n, 2) / 2,
    )  # fmt: skip
    body = body_of_crops(found, clip, camera, "HMR2.0", None)
    assert body.facts["filled"] == []
    np.testing.assert_allclose(body.transl, wanted + np.array(PUBLISHED["smpl"]), rtol=1e-4, atol=1e-4)
