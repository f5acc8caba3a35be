"""Settings of the detector ``vitpose``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from diffopt_core.config import ComponentConfig
from pydantic import NonNegativeInt, PositiveInt


class VitposeConfig(ComponentConfig):
    """ViTPose's keypoints in COCO's order, from its result files or by transformers' classes.

    ``file``: existing results: WHAM's ``tracking_results.pth``, an array (N, 17, 3) as ``.npy`` or GVHMR's
    ``vitpose.pt``, mmpose's ``pose_results`` (pickle) or prediction JSON, SLAHMR's folder of JSON files. ``first``: the
    number of the first frame in the names of a folder's files.

    Without ``file`` the model runs. ``model``: a local folder, a name of `diffopt weights list`, or a hub id;
    ``dataset_index`` chooses the expert of a ``plus`` model (0 is COCO). People's boxes: ``boxes``, an array (N, 4) of
    x0 y0 x1 y1 in px of the video's frames (NaN: nobody), as ``.npy`` or ``boxes`` of an ``.npz``; or ``boxes_from``,
    another detector around whose keypoints they are put; or ``person_model`` (RT-DETR: folder, name or hub id), boxes
    of score 0.5 and more. ``longest``: images are scaled down to it, px; ``batch``: frames at once. ``env``:
    environment with transformers (``here``, ``uv``, a path, ``conda:NAME``). ``download``: allow transformers to
    download a missing model.
    """

    licence: ClassVar[str] = "ViTPose and RT-DETR: Apache-2.0; models from other hub ids have their own terms"
    builds: ClassVar[str] = "diffopt_inits.vitpose.detector:VitposeDetector"
    retired: ClassVar = {"threshold": 0.5}
    runs: ClassVar = frozenset({"env"})

    file: Path | None = None
    first: NonNegativeInt | None = None
    model: str = "vitpose-base-simple"
    dataset_index: NonNegativeInt = 0
    boxes: Path | None = None
    boxes_from: str | None = None
    person_model: str = "rtdetr_r50vd_coco_o365"
    longest: PositiveInt = 1920
    batch: PositiveInt = 8
    env: str | None = None
    download: bool = False

    def target(self) -> str:
        """The reader of a file, or the detector."""
        return "diffopt_inits.vitpose.file_detector:VitposeFileDetector" if self.file else self.builds
