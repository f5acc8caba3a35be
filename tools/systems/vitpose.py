"""ViTPose: transformers' classes at the published sizes (B with the simple decoder, ++ B with experts), on boxes."""

from __future__ import annotations

import numpy as np
from upstream import Place, Row

from systems import _clip
from systems._case import prepare

ROW = Row(
    "ViTPose",
    "github.com/huggingface/transformers",
    ("torch", "transformers>=5", "scipy", "pillow"),
    tolerance={f"{name}/{what}": 1e-4 for name in ("base-simple", "plus-base") for what in ("px", "confidence")},
)
#: ViT-B; the ++ model has six experts, one for each data set.
SIZES = {"base-simple": {"num_experts": 1}, "plus-base": {"num_experts": 6, "part_features": 192}}


def make(place: Place) -> None:
    """Folders as ``save_pretrained`` writes them."""
    import torch
    from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation, VitPoseImageProcessor

    for name, experts in SIZES.items():
        torch.manual_seed(place.seed)
        backbone = VitPoseBackboneConfig(
            hidden_size=768, num_hidden_layers=12, num_attention_heads=12, out_indices=[12], **experts
        )
        config = VitPoseConfig(backbone_config=backbone, num_labels=17, use_simple_decoder="simple" in name)
        model = VitPoseForPoseEstimation(config)
        model.save_pretrained(place.folder / name)
        VitPoseImageProcessor().save_pretrained(place.folder / name)


def theirs(place: Place) -> dict[str, np.ndarray]:
    """As transformers' documentation of ViTPose has it."""
    import torch
    from transformers import AutoImageProcessor, VitPoseForPoseEstimation

    out = {}
    for name, experts in SIZES.items():
        processor = AutoImageProcessor.from_pretrained(place.folder / name)
        model = VitPoseForPoseEstimation.from_pretrained(place.folder / name).eval()
        rows = []
        for image, box in zip(_clip.images(place.seed), _boxes(place.seed), strict=True):
            corner = np.array([[box[0], box[1], box[2] - box[0], box[3] - box[1]]])
            inputs = processor(image, boxes=[corner], return_tensors="pt")
            if experts["num_experts"] > 1:
                inputs["dataset_index"] = torch.zeros(1, dtype=torch.long)
            with torch.no_grad():
                found = processor.post_process_pose_estimation(model(**inputs), boxes=[corner])[0][0]
            rows.append(torch.cat([found["keypoints"], found["scores"].reshape(-1, 1)], 1).numpy())
        points = np.stack(rows)
        points[~(points[..., 2] > 0)] = 0  # as our keypoints are: absent without a confidence, which is at most 1
        points[..., 2] = points[..., 2].clip(0, 1)
        out |= {f"{name}/px": points[..., :2], f"{name}/confidence": points[..., 2]}
    return out


def _boxes(seed: int) -> np.ndarray:
    return _clip.boxes(seed).astype(np.float32)


def ours(place: Place) -> dict[str, np.ndarray]:
    out = {}
    boxes = place.folder / "boxes.npy"
    np.save(boxes, _boxes(place.seed))
    for name in SIZES:
        case = prepare(
            place, "--detector", "vitpose", "--set", f"detector.model={place.folder / name}", "--set",
            f"detector.boxes={boxes}", "--env", place.python.parent.parent, "--init", "lift",
        )  # fmt: skip
        out |= {f"{name}/px": case["keypoints"][..., :2], f"{name}/confidence": case["keypoints"][..., 2]}
    return out
