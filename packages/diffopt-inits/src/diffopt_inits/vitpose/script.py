"""Runs in an environment with transformers: boxes of people (RT-DETR) and keypoints in them (ViTPose).

Job: ``model``, ``person_model`` (None where ``boxes`` are given), ``boxes`` (one [x0, y0, x1, y1] or None per frame),
``dataset_index``, ``batch``, ``device``, ``download``. Saves ``frames`` n, ``boxes`` n 4, ``keypoints`` n 17 3; or
``missing`` and ``why`` if a model cannot be loaded.
"""

import os
import sys

from diffopt_frames import fail, frames, job, progress, save

JOB = job()
if not JOB["download"]:
    os.environ["HF_HUB_OFFLINE"] = "1"  # before transformers is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from transformers import AutoImageProcessor, AutoModelForObjectDetection, VitPoseForPoseEstimation  # noqa: E402


def load(cls, key):
    """Load image processor and model; a missing model is reported to the component, which knows the remedy."""
    try:
        local = not JOB["download"]
        processor = AutoImageProcessor.from_pretrained(JOB[key], local_files_only=local)
        model = cls.from_pretrained(JOB[key], local_files_only=local)
    except (OSError, ValueError) as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        save(missing=np.array(key), why=np.array(why))
        sys.exit(0)
    return processor, model.to(JOB["device"]).eval()


def people(processor, model, images):
    """Boxes of people in each image, x0 y0 x1 y1."""
    inputs = processor(images=images, return_tensors="pt").to(JOB["device"])
    sizes = [image.shape[:2] for image in images]
    found = processor.post_process_object_detection(model(**inputs), threshold=0.5, target_sizes=sizes)
    names = {index for index, name in model.config.id2label.items() if str(name).lower() == "person"} or {0}
    kept = []
    for one in found:
        boxes = one["boxes"].cpu().numpy()[[int(label) in names for label in one["labels"]]]
        kept.append(boxes[((boxes[:, 2:] - boxes[:, :2]) > 1).all(1)])
    return kept


def poses(processor, model, images, boxes):
    """Keypoints of each box, as n 17 3 arrays, by image. Images without a box must be removed before."""
    corner = [[[b[0], b[1], b[2] - b[0], b[3] - b[1]] for b in of.tolist()] for of in boxes]
    inputs = processor(images=images, boxes=corner, return_tensors="pt").to(JOB["device"])
    if getattr(model.config.backbone_config, "num_experts", 1) > 1:
        count = len(inputs["pixel_values"])
        inputs["dataset_index"] = torch.full((count,), JOB["dataset_index"], device=JOB["device"])
    found = processor.post_process_pose_estimation(model(**inputs), boxes=corner, threshold=None)
    return [
        np.stack([np.concatenate([p["keypoints"].cpu(), p["scores"].cpu().reshape(-1, 1)], 1) for p in of])
        for of in found
    ]


@torch.inference_mode()
def main():
    processor, model = load(VitPoseForPoseEstimation, "model")
    experts = getattr(model.config.backbone_config, "num_experts", 1)
    if experts > 1 and JOB["dataset_index"] >= experts:
        fail(
            f"vitpose: dataset_index is {JOB['dataset_index']}; expected "
            f"less than {experts}, the number of experts of this model"
        )
    finder = None if JOB["boxes"] is not None else load(AutoModelForObjectDetection, "person_model")
    out: dict = {"frames": [], "boxes": [], "keypoints": []}

    def work(start, images):
        if finder is not None:
            boxes = people(finder[0], finder[1], images)
        else:
            given = JOB["boxes"][start : start + len(images)]
            boxes = [np.array([box], dtype=np.float32) if box else np.empty((0, 4), np.float32) for box in given]
        index = [i for i, of in enumerate(boxes) if len(of)]
        if index:
            points = poses(processor, model, [images[i] for i in index], [boxes[i] for i in index])
            for i, of in zip(index, points, strict=True):
                out["frames"].append(np.full(len(of), start + i))
                out["boxes"].append(boxes[i])
                out["keypoints"].append(of)
        progress(start + len(images))

    start, images = 0, []
    for image in frames():
        images.append(image)
        if len(images) == JOB["batch"]:
            work(start, images)
            start, images = start + len(images), []
    if images:
        work(start, images)
    empty = {"frames": np.empty(0, np.int64), "boxes": np.empty((0, 4)), "keypoints": np.empty((0, 17, 3))}
    save(**{key: np.concatenate(rows) if rows else empty[key] for key, rows in out.items()})


main()
