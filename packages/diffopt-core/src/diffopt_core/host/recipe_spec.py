"""The keys of a recipe: frozen models of every table, with defaults and descriptions. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import DiffOptError

#: Roles of a recipe: key of the recipe -> kind of the component.
ROLES: dict[str, str] = {
    "dataset": "dataset",
    "detector": "detector",
    "camera": "camera",
    "initializer": "initializer",
    "body": "body",
    "representation": "representation",
    "prior": "prior",
    "executor": "executor",
}


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RoleSpec(_Spec):
    """A component by name, and its options."""

    name: str
    options: dict[str, Any] = {}


class BlockSpec(_Spec):
    """Steps of Adam: the free variables, the weighted terms, the number of steps, the learning rate."""

    free: tuple[str, ...] = Field(description="patterns of variables, e.g. motion.*, camera.scale")
    terms: dict[str, float] = Field(description="term (or prior) -> weight")
    steps: int = Field(1, ge=1, le=1_000_000, description="steps per round")
    lr: float | dict[str, float] = Field(1e-3, description="Adam's rate, or pattern -> rate (longest match wins)")


class StageSpec(_Spec):
    """Rounds of blocks, one after the other. Keys other than the fields below are the blocks themselves."""

    rounds: int = Field(1, ge=1, le=100_000)
    blocks: tuple[str, ...]
    lr_drop: float = Field(1.0, gt=0, description="factor on every rate after `lr_drop_at`")
    lr_drop_at: float = Field(0.6, ge=0, le=1, description="share of the stage after which the rate drops")
    block: dict[str, BlockSpec] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_blocks(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        data = dict(data)
        block = dict(data.pop("block", {}))
        for key in [k for k, v in data.items() if k not in cls.model_fields and isinstance(v, Mapping)]:
            block[key] = data.pop(key)
        data["block"] = {name: spec for name, spec in block.items() if name in data.get("blocks", ())}
        missing = [name for name in data.get("blocks", ()) if name not in block]
        if missing:
            raise ValueError(f"block '{missing[0]}' is listed in blocks, but the stage has no table of that name")
        return data


class InputSpec(_Spec):
    """Which part of the clip is used, and metadata from the user that the file lacks."""

    fps: float | None = Field(None, gt=0, description="frame rate override (slow motion is common)")
    start: int = Field(0, ge=0, description="first frame")
    stop: int | None = Field(None, ge=1, description="frame after the last")
    shot: int | None = Field(
        None, ge=1, description="which shot of a video with cuts, from 1; null: all, each solved by itself"
    )
    resample: float | None = Field(None, gt=0, description="frames per second that are used; null takes every frame")
    focal: str | None = Field(None, description="focal length: 1200px, 28mm (35 mm equivalent) or 65deg (longer side)")
    height: str | None = Field(None, description="the person's height, 1.82m, 182cm, 5ft11 or 71in; null: not known")
    size: Literal["mean", "evidence"] = Field(
        "mean",
        description="the person's shape. evidence: from proportions, the first poses' betas and, with a camera path in "
        "metres, standing feet; mean: the body's mean shape, or that of --height. A file's skeleton stays",
    )
    person: str = Field(
        "largest", description="which person, if there are several: largest, longest, or the id of a track"
    )
    unseen: Literal["mark", "trim"] = Field(
        "mark",
        description="frames before the person appears and after the person left: mark them (valid, bridged), or trim "
        "the clip",
    )
    env: str | None = Field(None, description="environment for external programs: uv, here, a path, conda:NAME")
    most: int = Field(
        4000,
        ge=30,
        description="longest clip that is solved in one piece, frames; "
        "longer clips are solved in chunks of this length",
    )
    overlap: int = Field(90, ge=2, description="least number of frames that neighbouring chunks share")


class PlaceSpec(_Spec):
    """How the initial estimate is placed in the world (metres, Y up, floor at y = 0)."""

    up: Literal["auto", "trunk", "camera", "given"] = Field(
        "auto",
        description="trunk: mean pelvis-to-neck; camera: that and level camera x axes; given: the world is Y up; "
        "auto: given if the camera source says so, else camera",
    )
    roll_sigma: float = Field(0.03, gt=0, description="rad, how level a hand-held camera is (up = camera)")
    trunk_sigma: float = Field(0.10, gt=0, description="rad, how upright the mean trunk is (up = camera)")
    travel_sigma: float | None = Field(
        None, gt=0, description="m, how level the person's path is (up = camera); null: the path is not used"
    )
    depth: Literal["given", "keypoints"] = Field(
        "keypoints", description="given: the initializer's; keypoints: least squares of the body against the keypoints"
    )
    depth_smooth: float = Field(0.4, ge=0, description="s, time constant of the smoothing of the fitted depth")
    path_smooth: float = Field(0.06, ge=0, description="s, time constant of the smoothing of the path in the world")
    scale: Literal["auto", "given", "feet"] = Field(
        "auto",
        description="unit of the camera's path. given: the camera source's; feet: the scale at which feet in "
        "contact move least; auto: feet if the source says that its unit is arbitrary (odometry), else given",
    )
    stance_noise: float = Field(
        0.3, gt=0, description="m/s, added to the pelvis's speed when the scale is estimated from feet (scale = feet)"
    )
    floor: Literal["feet", "none"] = "feet"


class CameraSpec(_Spec):
    """The camera residual of eq. 7 to 9: which parts have one value per frame and which one per clip."""

    rotation: Literal["frame", "clip"] = "frame"
    scale: Literal["frame", "clip"] = "frame"
    translation: Literal["frame", "clip"] = "frame"
    focal: Literal["frame", "clip"] = "frame"


class ScaleSpec(_Spec):
    """Closed-form correction of the camera path's scale (beyond the paper)."""

    mode: Literal["none", "distilled", "stance"] = Field(
        "none",
        description="distilled: from the speed of the distilled motion; stance: from feet in contact, in the current "
        "articulation as seen from the camera",
    )
    stage: str | tuple[str, ...] = Field("guide", description="stage or stages in which it happens")
    at: tuple[float, ...] = Field((0.6,), description="shares of each of them after which it happens")
    gap: float = Field(0.33, gt=0, description="s, over which displacements of paths and feet are compared")
    stance_noise: float = Field(0.3, gt=0, description="as place.stance_noise, for mode = stance")
    refit: bool = Field(
        False,
        description="also refit the initial path: the translation at which "
        "the current articulation covers the keypoints best",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, data: Any) -> Any:
        return {"mode": data} if isinstance(data, str) else data

    def happens_in(self, stage: str) -> bool:
        return self.mode != "none" and stage in ((self.stage,) if isinstance(self.stage, str) else self.stage)


class DrawsSpec(_Spec):
    """Several solves of a clip with perturbed evidence, for a 90 % band (beyond the paper)."""

    count: int = Field(1, ge=1, le=1000, description="solves per clip; 1 gives no band, 8 a stable one")
    pose: float = Field(0.10, ge=0, description="rad, perturbation of each joint of the initializer's pose")
    turn: float = Field(0.08, ge=0, description="rad, perturbation of its root orientation")
    depth: float = Field(0.05, ge=0, description="relative perturbation of its distance")
    camera: float = Field(0.02, ge=0, description="rad, perturbation of the camera's rotation")
    keypoints: float = Field(
        0.02, ge=0, description="perturbation of the keypoints, share of the person's size in the image"
    )
    seconds: float = Field(
        0.3, gt=0, description="s, correlation time of a perturbation; half of its variance is constant over the clip"
    )
    root_factor: float = Field(1.75, gt=0, description="90 % band of the root / root mean square spread of the draws")
    root_floor: float = Field(0.0, ge=0, description="m, added to it")
    joint_factor: float = Field(2.2, gt=0, description="the same for joints about the root")
    joint_floor: float = Field(0.0, ge=0, description="m, added to it")

    @model_validator(mode="after")
    def _enough(self) -> DrawsSpec:
        if self.count == 2:
            raise ValueError("2 draws give no spread; expected 1, or 3 or more")
        return self


class Recipe(_Spec):
    """A resolved recipe."""

    summary: str = ""
    dataset: RoleSpec = RoleSpec(name="auto")
    detector: RoleSpec = RoleSpec(name="auto")
    camera: RoleSpec = RoleSpec(name="auto")
    initializer: RoleSpec = RoleSpec(name="auto")
    body: RoleSpec = RoleSpec(name="auto")
    representation: RoleSpec = RoleSpec(name="nemo")
    prior: RoleSpec = RoleSpec(name="mdm")
    executor: RoleSpec = RoleSpec(name="auto")
    input: InputSpec = InputSpec()
    place: PlaceSpec = PlaceSpec()
    camera_residual: CameraSpec = CameraSpec()
    scale: ScaleSpec = ScaleSpec()
    draws: DrawsSpec = DrawsSpec()
    terms: dict[str, RoleSpec] = Field({}, description="name in the stages -> term and options")
    schedule: tuple[str, ...] = ()
    stage: dict[str, StageSpec] = {}
    exporters: tuple[RoleSpec, ...] = (RoleSpec(name="npz"), RoleSpec(name="json"), RoleSpec(name="evidence"))
    metrics: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _names_to_roles(cls, data: Any) -> Any:
        data = dict(data)
        for key in ROLES:
            if key in data:
                data[key] = role(data[key])
        data["terms"] = {name: role(value, default=name) for name, value in dict(data.get("terms", {})).items()}
        if "exporters" in data:
            data["exporters"] = [role(value) for value in data["exporters"]]
        return data

    @model_validator(mode="after")
    def _schedule_is_known(self) -> Recipe:
        for name in self.schedule:
            if name not in self.stage:
                raise ValueError(f"schedule names stage '{name}', but there is no table stage.{name}")
        return self

    @property
    def stages(self) -> list[tuple[str, StageSpec]]:
        return [(name, self.stage[name]) for name in self.schedule]

    def used_terms(self) -> dict[str, RoleSpec]:
        """Every term that a scheduled stage uses: name -> component. ``prior`` is the prior."""
        names = {term for _, stage in self.stages for block in stage.block.values() for term in block.terms}
        return {name: self.terms.get(name, RoleSpec(name=name)) for name in sorted(names - {"prior"})}

    def dump(self) -> dict[str, Any]:
        """Plain data that :func:`.recipe.parse` reads back to an equal recipe."""
        table = json.loads(self.model_dump_json())
        table["stage"] = {
            name: {k: v for k, v in stage.items() if k != "block"} | stage["block"]
            for name, stage in table["stage"].items()
        }
        return table


def role(value: Any, default: str | None = None) -> dict[str, Any]:
    """Normalise ``"nemo"``, ``{name = "nemo", hidden = 96}`` or ``{name, options}`` to name and options."""
    if isinstance(value, RoleSpec):
        return value.model_dump()
    if isinstance(value, str):
        return {"name": value, "options": {}}
    if not isinstance(value, Mapping):
        raise DiffOptError(f"expected a component's name, or a table with name and options; got {value!r}")
    value = dict(value)
    name = value.pop("name", default)
    if name is None:
        raise DiffOptError(f"a component's table needs a `name`: {value!r}")
    options = {**value.pop("options", {}), **value}
    return {"name": name, "options": options}
