"""Detector ``vitpose`` with its model: our side with stand-ins for transformers, and the real thing where it is."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from diffopt_core.errors import BadInput, DiffOptError, MissingResource
from diffopt_core.host.registry import Registry
from diffopt_core.types import Observations
from diffopt_inits.detectors import VitposeConfig
from diffopt_inits.vitpose import detector
from diffopt_inits.vitpose.files import read_boxes
from people_cases import SIZE, clip_of, context, environment, person, write_video

N = 7
#: RT-DETR stands for two people, side by side, drifting with the brightness of the image (frame i has 5 i); ViTPose
#: for points on a line through each box, whose confidence is the expert that was asked for.
TRANSFORMERS = """
    import torch, types

    class AutoImageProcessor:
        @staticmethod
        def from_pretrained(source, local_files_only):
            assert local_files_only
            if source.endswith("absent"):
                raise OSError("no such model\\nand more")
            return AutoImageProcessor()

        def __call__(self, images, return_tensors, boxes=None):
            out = {"level": torch.tensor([float(image.mean()) for image in images])}
            if boxes is not None:
                assert all(len(of) for of in boxes) and len(boxes) == len(images)
                out["pixel_values"] = torch.tensor([b for of in boxes for b in of])
            return Batch(out)

        def post_process_object_detection(self, out, threshold, target_sizes):
            found = []
            for level, (height, width) in zip(out["level"], target_sizes):
                x = level / 5 * width / 320
                box = torch.stack([x, 0 * x + 20, x + 90 * width / 320, 0 * x + 200])
                there = [box, box + torch.tensor([150.0 * width / 320, 0, 120 * width / 320, 0])] if level < 30 else []
                rows = torch.stack(there + [box]) if there else box[None]
                labels = torch.tensor([0] * len(there) + [5])
                found.append({"boxes": rows, "labels": labels, "scores": torch.ones(len(rows))})
            return found

        def post_process_pose_estimation(self, out, boxes, threshold):
            assert threshold is None
            found, expert = [], out.get("dataset_index")
            for of in boxes:
                rows = []
                for x, y, w, h in of:
                    share = torch.linspace(0, 1, 17)[:, None]
                    points = torch.tensor([x, y]) + share * torch.tensor([w, h])
                    score = 0.5 if expert is None else 0.1 * float(expert[0])
                    rows.append({"keypoints": points, "scores": torch.full((17,), score)})
                found.append(rows)
            return found

    class Batch(dict):
        def to(self, device):
            return self

    class Model:
        config = types.SimpleNamespace(
            id2label={0: "person", 5: "dog"}, backbone_config=types.SimpleNamespace(num_experts=1))

        @classmethod
        def from_pretrained(cls, source, local_files_only):
            model = cls()
            if source.endswith("plus"):
                model.config = types.SimpleNamespace(backbone_config=types.SimpleNamespace(num_experts=6))
            return model

        def to(self, device):
            return self

        def eval(self):
            return self

        def __call__(self, **inputs):
            if "pixel_values" in inputs and self.config.backbone_config.num_experts > 1:
                assert inputs["dataset_index"].shape == (len(inputs["pixel_values"]),)
            return inputs

    AutoModelForObjectDetection = VitPoseForPoseEstimation = Model
"""


@pytest.fixture
def env(tmp_path) -> str:
    return str(environment(tmp_path / "env", transformers=TRANSFORMERS))


@pytest.fixture
def clip(tmp_path):
    return clip_of(0, write_video(tmp_path / "v.mkv", 20), numbers=(0, 1, 2, 2, 3, 5, 7))


@pytest.mark.slow
def test_boxes_keypoints_and_the_larger_of_two(clip, env, caplog):
    seen = VitposeConfig(env=env, batch=3, longest=160).build(context()).detect(clip)
    assert seen.layout == "coco17" and seen.keypoints.shape == (N, 17, 3)
    # the people leave before frame 6
    assert seen.valid.tolist() == [True] * 6 + [False]
    x = np.array([0, 1, 2, 2, 3, 5])
    np.testing.assert_allclose(seen.keypoints[:6, 0, 0], x, atol=1.0)
    np.testing.assert_allclose(seen.keypoints[:6, -1, 0], x + 90, atol=1.0)
    np.testing.assert_allclose(seen.keypoints[:6, :, 2], 0.5)
    assert seen.facts["person"]["among"] == {"0": 5, "1": 5} and "2 people" in caplog.text
    assert seen.facts["model"] == "vitpose-base-simple" and seen.facts["boxes"] == "rtdetr_r50vd_coco_o365"


@pytest.mark.slow
def test_given_boxes(clip, env, tmp_path):
    boxes = np.tile([10.0, 20, 50, 120], (20, 1)) + np.arange(20)[:, None] * [1, 0, 1, 0]
    boxes[5] = np.nan
    np.save(tmp_path / "boxes.npy", boxes)
    np.savez(tmp_path / "boxes.npz", boxes=boxes)
    for name in ("boxes.npy", "boxes.npz"):
        seen = VitposeConfig(env=env, boxes=tmp_path / name).build(context()).detect(clip)
        assert seen.valid.tolist() == [True] * 5 + [False, True]
        np.testing.assert_allclose(seen.keypoints[0, [0, -1], :2], [[10, 20], [50, 120]], rtol=1e-6)
        np.testing.assert_allclose(seen.keypoints[6, [0, -1], :2], [[17, 20], [57, 120]], rtol=1e-6)


def test_a_file_of_no_boxes_is_named(clip, tmp_path):
    np.save(tmp_path / "boxes.npy", np.zeros((0, 4)))
    with pytest.raises(BadInput, match=r"boxes\.npy: boxes: holds no row"):
        read_boxes(tmp_path / "boxes.npy", clip)


@pytest.mark.slow
def test_boxes_around_another_detectors_keypoints(clip, env):
    class Other:
        def detect(self, clip):
            import torch

            points = torch.from_numpy(person(N, 17, 100, (100, 50))).float()
            return Observations(points, "coco17", torch.tensor([True] * 6 + [False]))

    class Host(Registry):
        def build(self, kind, name, options, ctx):
            return Other() if name == "other" else super().build(kind, name, options, ctx)

    ctx = replace(context(), host=Host())
    seen = VitposeConfig(env=env, boxes_from="other", longest=160).build(ctx).detect(clip)
    np.testing.assert_allclose(seen.keypoints[0, [0, -1], :2], [[90, 40], [210, 160]], atol=1e-3)
    assert not seen.valid[6] and seen.facts["boxes"] == "around the keypoints of other"


@pytest.mark.slow
def test_the_expert_of_a_plus_model(clip, env, tmp_path):
    (tmp_path / "tiny-plus").mkdir()
    options = {"env": env, "model": str(tmp_path / "tiny-plus")}
    seen = VitposeConfig(**options, dataset_index=3).build(context()).detect(clip)
    np.testing.assert_allclose(seen.keypoints[0, :, 2], 0.3, rtol=1e-5)
    with pytest.raises(DiffOptError, match="dataset_index is 6; expected less than 6"):
        VitposeConfig(**options, dataset_index=6).build(context()).detect(clip)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"model": "some/absent"},
            r"'some/absent' cannot be loaded \(no such model\): name a local folder .*model=FOLD",
        ),
        ({"person_model": "some/absent"}, r"person_model=FOLDER; or allow .*--set detector\.download=true"),
        ({"boxes": Path("nowhere.npy")}, "file of boxes"),
    ],
)
def test_what_is_missing_is_said(clip, env, options, problem):
    with pytest.raises(MissingResource, match=problem):
        VitposeConfig(env=env, **options).build(context()).detect(clip)


def test_a_known_model_is_fetched_with_our_command(clip, env, tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path / "weights"))
    resolved = detector.resolve("vitpose-base", False, "model")
    assert resolved.source == "usyd-community/vitpose-base" and "diffopt weights get vitpose-base" in resolved.how
    folder = tmp_path / "weights" / "vitpose-base"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    assert detector.resolve("usyd-community/vitpose-base", False, "model").source == str(folder)


def test_a_download_is_announced_with_licence_and_size(caplog, tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path))
    detector.resolve("vitpose-base-simple", True, "model")
    assert "Apache-2.0, 344 MB" in caplog.text and "huggingface.co/usyd-community/vitpose-base-simple" in caplog.text


def test_without_transformers_it_says_what_to_install(clip, tmp_path, monkeypatch):
    if importlib.util.find_spec("transformers"):
        (tmp_path / "transformers.py").write_text("raise ModuleNotFoundError('not here', name='transformers')")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingResource, match=r"transformers.*pip install 'diffopt-inits\[vitpose\]'"):
        VitposeConfig(env="here").build(context()).detect(clip)


@pytest.mark.slow
def test_images_are_needed_and_somebody_in_them(env, tmp_path):
    with pytest.raises(BadInput, match="no images"):
        VitposeConfig(env=env).build(context()).detect(clip_of(3))
    late = clip_of(0, write_video(tmp_path / "w.mkv", 20), numbers=(10, 11, 12))
    with pytest.raises(BadInput, match="no person is found in 3 frames"):
        VitposeConfig(env=env).build(context()).detect(late)


@pytest.mark.parametrize(
    ("boxes", "problem"),
    [
        (np.ones((20, 3)), r"shape \(20, 3\), expected"),
        (np.ones((9, 4)), "9 boxes for 20 frames"),
        (np.full((20, 4), np.nan), "has no box in the frames"),
        (np.tile([10.0, 20, 5, 5], (20, 1)), "corners, not width"),
    ],
)
def test_bad_boxes(clip, env, tmp_path, boxes, problem):
    np.save(tmp_path / "boxes.npy", boxes)
    with pytest.raises(BadInput, match=problem):
        VitposeConfig(env=env, boxes=tmp_path / "boxes.npy").build(context()).detect(clip)


@pytest.mark.needs("transformers")
def test_the_real_classes_on_a_tiny_random_model(clip, tmp_path):
    """Only that our script and transformers fit together: random weights find nothing."""
    import transformers

    backbone = transformers.VitPoseBackboneConfig(
        image_size=[256, 192], patch_size=[16, 16], hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        mlp_ratio=2, out_indices=[1],
    )  # fmt: skip
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=17)
    transformers.VitPoseForPoseEstimation(config).save_pretrained(tmp_path / "tiny")
    transformers.VitPoseImageProcessor().save_pretrained(tmp_path / "tiny")
    np.save(tmp_path / "boxes.npy", np.tile([10.0, 20, 50, 120], (20, 1)))
    options = {"model": str(tmp_path / "tiny"), "boxes": tmp_path / "boxes.npy"}
    seen = VitposeConfig(env="here", **options).build(context()).detect(clip)
    assert seen.keypoints.shape == (N, 17, 3) and SIZE
