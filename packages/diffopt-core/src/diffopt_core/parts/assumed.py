"""The assumptions of a result as text, and the mark on each figure that depends on a guess."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..types import CameraTrajectory, Result

#: Follows the unit of a figure that depends on a guess.
MARK = "(guessed)"
#: Relative standard deviation up to which a size is known, not guessed.
_KNOWN = 0.03
#: Degrees up to which a vertical is known.
_TILTED = 5.0
#: Standard deviations from which on a source of the vertical was overruled by the others; and how many times less sure
#: than all together is one that is not worth a word.
_OVERRULED, _OUTWEIGHED = 3.0, 4.0
#: Factor of the focal length within a clip from which on a lens zooms.
_ZOOMS = 1.03
#: Sources of the vertical (:mod:`..solver.vertical`), for people.
_CUES = {"network": "a network on the poses", "image": "how cameras are held", "feet": "standing feet",
         "path": "a level path", "lines": "lines in the images", "trunk": "an upright trunk",
         "lying": "a trunk that lies"}  # fmt: skip
#: Units of length: metres, millimetres, and what is made of them.
_LENGTH = re.compile(r"m?m\b(?! of)|10 m/s")


@dataclass(frozen=True)
class Ground:
    """``what`` a result rests on, its description ``said``, and whether it is ``guessed``, not known or measured."""

    what: str
    said: str
    guessed: bool


def grounds(result: Result) -> tuple[Ground, ...]:
    """Focal length, unit, frame rate, body size and vertical, in this order; empty for a motion without images.

    For a result from disk: those in its files, or, if its files are older, those that follow from its evidence.
    """
    if kept := result.provenance.get("assumed"):
        return of_data(kept)
    if min(result.clip.size) <= 0:
        return ()
    body = _body(result)
    return (_focal(result), _unit(result, body.guessed), _rate(result), body, _vertical(result))


def as_data(result: Result) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [asdict(ground) for ground in grounds(result)]


def of_data(rows: Iterable[Mapping[str, Any]]) -> tuple[Ground, ...]:
    """The inverse of :func:`as_data`."""
    return tuple(Ground(str(row["what"]), str(row["said"]), bool(row["guessed"])) for row in rows)


def read(value: Any) -> list[dict[str, Any]]:
    """The output of :func:`as_data` from a file; empty if it is something else."""
    rows = value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, dict) and {"what", "said", "guessed"} <= row.keys()]


def marked(unit: str, result: Result) -> str:
    """``m (guessed)`` for a unit of length if the scale is guessed; ``m/s`` also if the frame rate is."""
    return marked_by(unit, grounds(result))


def marked_by(unit: str, rows: Iterable[Ground]) -> str:
    """As :func:`marked`, by what a result rests on."""
    said = {ground.what: ground.guessed for ground in rows}
    length = bool(_LENGTH.match(unit)) and bool(said.get("unit") or said.get("focal length"))
    time = "/s" in unit and bool(said.get("frame rate"))
    return f"{unit} {MARK}" if length or time else unit


def _focal(result: Result) -> Ground:
    clip, camera = result.clip, result.clip.camera
    said = str((camera.facts.get("focal_from") if camera else None) or clip.focal_from or "the clip's file")
    given, found = (float(c.focal.float().mean()) for c in (result.initial_camera, result.camera))
    said = said if "px" in said else f"{given:.0f} px, {said}"
    solved = f"; {found:.0f} px after the solve" if round(found) != round(given) else ""
    by_frame = result.initial_camera.focal.float().mean(-1)
    if float(by_frame.max()) > _ZOOMS * float(by_frame.min()):
        solved = f"; the lens zooms, from {float(by_frame[0]):.0f} to {float(by_frame[-1]):.0f} px"
    return Ground("focal length", said + solved, said.startswith("assumed"))


def _unit(result: Result, stature_guessed: bool) -> Ground:
    """A camera path in metres gives the scale; with a camera that keeps its place, only the person does."""
    camera = result.clip.camera
    if camera is not None and camera.held:
        return _as_there("unit", camera, stature_guessed)
    if camera is None or camera.unit != "metre":
        how = camera.facts.get("scale_from") if camera else None
        said = f"metre, guessed from {how or 'feet that stand and the size of the person'}"
        return Ground("unit", said, True)
    if camera.travel in ("stands", "turns"):
        word = "guessed" if stature_guessed else "known"
        return Ground("unit", f"metre, from the size of the person, which is {word}; the camera keeps its place",
                      stature_guessed)  # fmt: skip
    return Ground("unit", "metre, that of the camera path", False)


def _as_there(what: str, camera: CameraTrajectory, guessed: bool = False) -> Ground:
    """What is that of the result whose world is kept, and guessed if it is there."""
    there = camera.facts.get("guessed", ())
    return Ground(what, f"as in {camera.facts.get('result', 'another result')}", guessed or what in there)


def _rate(result: Result) -> Ground:
    clip = result.clip
    said = str(clip.facts.get("fps_from", "the clip's file"))
    return Ground("frame rate", f"{clip.fps:g} fps, {said}", said.startswith("assumed"))


def _body(result: Result) -> Ground:
    if result.clip.rest_joints is not None:
        return Ground("body size", "the skeleton in the clip's own file", False)
    if (size := _size(result)) is not None:
        height, sd, told = size
        return Ground("body size", f"{height:.2f} ± {sd:.2f} m, from {told}", sd > _KNOWN * height)
    if result.motion.betas_of == result.body_model and bool((result.motion.betas != 0).any()):
        return Ground("body size", f"estimated with the first poses (betas of {result.body_model})", True)
    return Ground("body size", f"an average adult is assumed (the mean shape of {result.body_model})", True)


def _size(result: Result) -> tuple[float, float, str] | None:
    """Height of the person, its standard deviation (m) and what it is from."""
    size = result.clip.body.facts.get("size") if result.clip.body else None
    if not isinstance(size, dict) or result.motion.betas_of != result.body_model:
        return None
    return float(size["height"]), float(size["sd"]), f"{', '.join(size['from'])} and what people are like"


def _vertical(result: Result) -> Ground:
    clip, place = result.clip, result.recipe.get("place", {})
    if clip.camera is not None and clip.camera.held:
        return _as_there("vertical", clip.camera)
    how = place.get("up", "auto") if isinstance(place, Mapping) else "auto"
    if how == "given" or (how == "auto" and clip.camera is not None and clip.camera.level):
        return Ground("vertical", "that of the camera's world, which is level", False)
    if (told := result.provenance.get("vertical")) is not None:
        return Ground("vertical", _weighed(told), told["sd_deg"] > _TILTED)
    if clip.camera is not None and clip.camera.up_var is not None and how != "trunk":
        sd = math.degrees(float(clip.camera.up_var.mean()) ** 0.5)
        return Ground("vertical", f"from straight lines in the images, ± {sd:.1f} degrees, and the person", False)
    if clip.body is not None and clip.body.evidence is not None and how != "trunk":
        return Ground("vertical", "estimated by a network from the keypoints", True)
    return Ground("vertical", "people are assumed upright on average, and cameras level", True)


def _weighed(told: Mapping[str, Any]) -> str:
    """The vertical's uncertainty and what it is from, the surest first."""
    found = sorted(told["from"].items(), key=lambda row: row[1]["sd_deg"])
    far = [name for name, said in found if (said.get("apart_deg") or 0.0) > _OVERRULED * said["sd_deg"]]
    sources = ", ".join(
        f"{_CUES.get(name, name)} (± {said['sd_deg']:g})"
        for name, said in found
        if name not in far and said["sd_deg"] < _OUTWEIGHED * told["sd_deg"]
    )
    against = ", ".join(f"{_CUES.get(name, name)} ({told['from'][name]['apart_deg']:g} degrees away)" for name in far)
    return f"± {told['sd_deg']:g} degrees, from {sources}" + (f"; against {against}" if far else "")
