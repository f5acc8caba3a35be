"""Dataset ``emdb``: one ``P*_..._data.pkl`` of EMDB, whole or in part, or a folder of them.

Layout of the release (its own dataset.md): ``P8/62_outdoor_walk/P8_62_outdoor_walk_data.pkl`` beside ``images/``
(``00000.jpg`` and on). 30 frames per second; SMPL of the person's gender in a metric world with Y up; one calibrated
camera per sequence, with world-to-camera extrinsics. The floor is not at y = 0, and the truth is not moved.

A part is ``..._data.pkl#100:200``, also after a folder. ``segment`` cuts everything into parts of equal length.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from diffopt_core.config import ComponentConfig
from pydantic import Field, model_validator

#: The paper's two experiments: subset and frames per segment.
PROTOCOLS: dict[str, tuple[str, int | None]] = {"trimmed": ("paper", 100), "untrimmed": ("all", None)}


class EmdbConfig(ComponentConfig):
    """Which sequences of a folder, in which parts, and which truth is used as input."""

    licence: ClassVar[str] = (
        "EMDB: its own licence, non-commercial research (https://eth-ait.github.io/emdb/); "
        "SMPL: Max Planck non-commercial research licence (https://smpl.is.tue.mpg.de)"
    )
    builds: ClassVar[str] = "diffopt_inits.emdb.dataset:EmdbDataset"

    subset: Literal["all", "emdb1", "emdb2", "paper"] = Field(
        "all", description="sequences of a folder: EMDB-1 (17), EMDB-2 (25), or the seven of the paper's Table 2"
    )
    segment: int | None = Field(None, ge=3, description="frames per clip; null takes sequences whole")
    remainder: Literal["drop", "keep"] = Field("drop", description="frames after the last whole segment")
    protocol: Literal["trimmed", "untrimmed"] | None = Field(
        None, description="protocol of the paper: trimmed = subset paper, segment 100; untrimmed = all sequences whole"
    )
    smpl: Path | None = Field(
        None, description="folder of SMPL_MALE, SMPL_FEMALE, SMPL_NEUTRAL (.npz or .pkl); else DIFFOPT_SMPL"
    )
    truth: bool = Field(True, description="false: only images and calibration, which needs no SMPL file")
    keypoints: Literal["none", "truth"] = Field(
        "none", description="truth: the projected true joints as 2D keypoints (an oracle, better than any detector)"
    )
    calibration: bool = Field(True, description="give the calibrated focal length to camera sources")

    @model_validator(mode="after")
    def _one_way_of_saying_it(self) -> EmdbConfig:
        if self.protocol is not None and (self.subset != "all" or self.segment is not None):
            raise ValueError(f"protocol {self.protocol} sets subset and segment; do not set them too")
        if self.keypoints == "truth" and not self.truth:
            raise ValueError("keypoints = truth needs truth = true")
        return self

    def chosen(self) -> tuple[str, int | None]:
        """Subset and frames per segment."""
        return PROTOCOLS[self.protocol] if self.protocol else (self.subset, self.segment)
