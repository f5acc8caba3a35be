"""Recipes: an experiment as data. TOML with ``extends``, resolved once into a frozen, checked model. No torch.

Precedence, weakest first: defaults of the models below, ``extends``, the recipe, role flags (``--prior mdm``),
``--set key.path=value``. A role that changes its plugin drops the old plugin's options.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import BadInput, DiffOptError, UnknownName

#: Roles of a recipe that one component fills: key of the recipe -> kind of the component.
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
    """Some steps of Adam: which variables are free, which terms with which weights, how many steps, what rate."""

    free: tuple[str, ...] = Field(description="patterns of variables, e.g. motion.*, camera.scale")
    terms: dict[str, float] = Field(description="term (or prior) -> weight")
    steps: int = Field(1, ge=1, description="steps a round")
    lr: float | dict[str, float] = Field(1e-3, description="Adam's rate, or pattern -> rate (longest match wins)")


class StageSpec(_Spec):
    """Rounds of blocks, one after the other. Keys other than the fields below are the blocks themselves."""

    rounds: int = Field(1, ge=1)
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
            raise ValueError(f"block '{missing[0]}' is listed but not described")
        return data


class InputSpec(_Spec):
    """What of the clip is used."""

    fps: float | None = Field(None, gt=0, description="frame rate override (slow motion is common)")
    start: int = Field(0, ge=0, description="first frame")
    stop: int | None = Field(None, ge=1, description="frame after the last")


class PlaceSpec(_Spec):
    """How the first estimate is put into the world (metres, Y up, floor at y = 0)."""

    up: Literal["auto", "trunk", "camera", "given"] = Field(
        "auto",
        description="trunk: mean pelvis-to-neck; camera: that and level camera x axes; given: the world is Y up; "
        "auto: given where the camera source says so, else camera",
    )
    roll_sigma: float = Field(0.03, gt=0, description="rad, how level a hand-held camera is (up = camera)")
    trunk_sigma: float = Field(0.10, gt=0, description="rad, how upright the mean trunk is (up = camera)")
    depth: Literal["given", "keypoints"] = Field(
        "keypoints", description="given: the initializer's; keypoints: least squares of the body against the keypoints"
    )
    depth_smooth: float = Field(0.4, ge=0, description="s, time constant of the smoothing of the fitted depth")
    path_smooth: float = Field(0.06, ge=0, description="s, time constant of the smoothing of the path in the world")
    floor: Literal["feet", "none"] = "feet"


class CameraSpec(_Spec):
    """The camera residual of eq. 7 to 9: which of its parts vary by frame and which are one value a clip."""

    rotation: Literal["frame", "clip"] = "frame"
    scale: Literal["frame", "clip"] = "frame"
    translation: Literal["frame", "clip"] = "frame"
    focal: Literal["frame", "clip"] = "frame"


class ScaleSpec(_Spec):
    """Closed-form correction of the camera path's scale (beyond the paper)."""

    mode: Literal["none", "distilled"] = "none"
    stage: str = Field("guide", description="stage in which it happens")
    at: tuple[float, ...] = Field((0.6,), description="shares of the stage after which it happens")
    gap: float = Field(0.33, gt=0, description="s, the displacement over which paths are compared")

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, data: Any) -> Any:
        return {"mode": data} if isinstance(data, str) else data


class Recipe(_Spec):
    """A resolved recipe."""

    summary: str = ""
    dataset: RoleSpec = RoleSpec(name="auto")
    detector: RoleSpec = RoleSpec(name="given")
    camera: RoleSpec = RoleSpec(name="given")
    initializer: RoleSpec = RoleSpec(name="given")
    body: RoleSpec = RoleSpec(name="auto")
    representation: RoleSpec = RoleSpec(name="nemo")
    prior: RoleSpec = RoleSpec(name="mdm")
    executor: RoleSpec = RoleSpec(name="eager")
    input: InputSpec = InputSpec()
    place: PlaceSpec = PlaceSpec()
    camera_residual: CameraSpec = CameraSpec()
    scale: ScaleSpec = ScaleSpec()
    terms: dict[str, RoleSpec] = Field({}, description="name in the stages -> term and options")
    schedule: tuple[str, ...] = ()
    stage: dict[str, StageSpec] = {}
    exporters: tuple[RoleSpec, ...] = (RoleSpec(name="npz"), RoleSpec(name="json"))
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
                raise ValueError(f"schedule names stage '{name}', which is not described")
        return self

    @property
    def stages(self) -> list[tuple[str, StageSpec]]:
        return [(name, self.stage[name]) for name in self.schedule]

    def used_terms(self) -> dict[str, RoleSpec]:
        """Every term that a scheduled stage names: name -> component. ``prior`` is the prior's role."""
        names = {term for _, stage in self.stages for block in stage.block.values() for term in block.terms}
        return {name: self.terms.get(name, RoleSpec(name=name)) for name in sorted(names - {"prior"})}

    def dump(self) -> dict[str, Any]:
        """Plain data that :func:`parse` reads back to an equal recipe."""
        table = json.loads(self.model_dump_json())
        table["stage"] = {
            name: {k: v for k, v in stage.items() if k != "block"} | stage["block"]
            for name, stage in table["stage"].items()
        }
        return table


def role(value: Any, default: str | None = None) -> dict[str, Any]:
    """``"nemo"``, ``{name = "nemo", hidden = 96}`` or ``{name, options}`` as name and options."""
    if isinstance(value, RoleSpec):
        return value.model_dump()
    if isinstance(value, str):
        return {"name": value, "options": {}}
    if not isinstance(value, Mapping):
        raise DiffOptError(f"a component is a name, or a table with a name and options; got {value!r}")
    value = dict(value)
    name = value.pop("name", default)
    if name is None:
        raise DiffOptError(f"a component's table needs a `name`: {value!r}")
    options = {**value.pop("options", {}), **value}
    return {"name": name, "options": options}


def load(name: str, known: Mapping[str, Path]) -> dict[str, Any]:
    """Raw table of a recipe by name or by ``.toml`` path, with its ``extends`` merged in."""
    return _load(name, known, ())


def _load(name: str, known: Mapping[str, Path], seen: tuple[str, ...]) -> dict[str, Any]:
    if name in seen:
        raise DiffOptError(f"recipe '{name}' extends itself: {' -> '.join((*seen, name))}")
    path = Path(name) if name.endswith(".toml") else known.get(name)
    if path is None:
        raise UnknownName("recipe", name, known)
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        raise BadInput(path, "recipe", f"cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(path, "TOML", str(error)) from error
    base: dict[str, Any] = {}
    parents = table.pop("extends", [])
    for parent in [parents] if isinstance(parents, str) else parents:
        base = merge(base, _load(parent, known, (*seen, name)))
    return merge(base, table)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe laid on another. Tables merge, everything else is replaced; a role that changes name starts anew."""
    out = _lay(base, {key: value for key, value in over.items() if key not in ROLES})
    for key in ROLES.keys() & over.keys():
        old = role(out.get(key, Recipe.model_fields[key].default))
        new = role(over[key], default=old["name"])
        kept = old["options"] if new["name"] == old["name"] else {}
        out[key] = {"name": new["name"], "options": {**kept, **new["options"]}}
    return out


def _lay(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Plain tables, merged key by key."""
    out = deepcopy(dict(base))
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = _lay(out[key], value) if both else deepcopy(value)
    return out


def assign(table: Mapping[str, Any], settings: Iterable[str]) -> dict[str, Any]:
    """Lay ``key.path=value`` settings on a table; a value is TOML, or else a plain string."""
    out = dict(table)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise DiffOptError(f"--set {setting}: expected key.path=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        parts = key.split(".")
        patch: Any = value
        for part in reversed(parts):
            patch = {part: patch}
        out = merge(out, patch)
    return out


def parse(table: Mapping[str, Any], source: str = "recipe") -> Recipe:
    """Check a merged table; one line that names the key (and the nearest known one) where it is wrong."""
    try:
        return Recipe.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        where = _dotted(first["loc"]) or "recipe"
        if first["type"] == "extra_forbidden":
            raise UnknownName(f"key of {source}", where, _known_keys(first["loc"])) from error
        message = first["msg"].removeprefix("Value error, ")
        raise DiffOptError(f"{source}: {where}: {message}") from error


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Dotted names of the keys allowed where ``loc`` stands."""
    model: Any = Recipe
    if len(loc) >= 2 and loc[0] == "stage":
        model = BlockSpec if len(loc) > 3 else StageSpec
    elif len(loc) == 2 and loc[0] in Recipe.model_fields:
        model = Recipe.model_fields[str(loc[0])].annotation
    prefix = _dotted(loc[:-1])
    return [f"{prefix}.{name}" if prefix else name for name in getattr(model, "model_fields", {}) if name != "block"]


def _dotted(loc: tuple[int | str, ...]) -> str:
    """A place as the user wrote it (blocks stand directly in their stage)."""
    parts = [str(part) for part in loc]
    if len(parts) > 2 and parts[0] == "stage" and parts[2] == "block":
        del parts[2]
    return ".".join(parts)


def difference(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Leaves in which two resolved recipes differ: dotted key, value in ``a``, value in ``b``."""
    rows: list[tuple[str, Any, Any]] = []
    for key in sorted(set(a) | set(b)):
        left, right, name = a.get(key), b.get(key), f"{prefix}{key}"
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            rows += difference(left, right, f"{name}.")
        elif left != right:
            rows.append((name, left, right))
    return rows
