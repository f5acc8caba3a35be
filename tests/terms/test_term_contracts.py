"""Every term of the core passes the contract that ships for other people's."""

from __future__ import annotations

import pytest
from diffopt_core.host.testing import TermContract
from diffopt_core.parts.terms import COMPONENTS

_CAMERA = {"camera_rotation", "camera_translation", "camera_scale", "camera_focal", "camera_smooth"}

_OPTIONS = {
    "pose": [{"metric": "geodesic"}, {"metric": "axis_angle", "joints": "sum"}],
    "orientation": [{"metric": "geodesic"}, {"metric": "axis_angle"}],
    "translation": [{"robust": 0.3}, {"axes": "horizontal"}],
    "reprojection": [
        {"sigma": 0.05, "unit": "image", "of": "point"},
        {"sigma": 0.2, "unit": "person", "confidence_power": 2, "joints": "sum"},
        {"normalise": "none", "min_confidence": 0.5},
    ],
    "camera_translation": [{"robust": 0.1}],
    "camera_smooth": [{"of": "path", "order": 1}],
    "anchor": [{"frames": 3, "axes": "horizontal"}],
    "smooth": [{"order": 3}, {"robust": 20.0}],
    "velocity": [{"gap": 3, "robust": 0.5}],
    "contact": [{"height": 0.3, "speed": 3.0}],
    "floor": [{"clearance": 0.3}],
}


def _contracts() -> dict[str, type]:
    made: dict[str, type] = {}
    for row in COMPONENTS:
        for number, options in enumerate([{}, *_OPTIONS.get(row.name, [])]):
            # A floor or contact that is not touched has no gradient to show; the variants lift it.
            if not options and row.name in ("floor", "contact"):
                options = {"clearance": 0.1} if row.name == "floor" else {"height": 0.2, "speed": 2.0}
            label = f"Test_{row.name}_{number}"
            reaches = "camera" if row.name in _CAMERA else "motion"
            members = {"name": row.name, "options": options, "reaches": reaches, "__module__": __name__}
            made[label] = type(label, (TermContract,), members)
    return made


globals().update(_contracts())


def test_all_terms_are_here() -> None:
    assert {row.name for row in COMPONENTS} == {made.name for made in _contracts().values()}
    assert all(row.kind == "term" for row in COMPONENTS)


@pytest.mark.parametrize("layout", ["coco17", "openpose25", "blazepose33"])
def test_reprojection_takes_any_layout(layout: str) -> None:
    class Here(TermContract):
        name = "reprojection"

    Here.layout = layout
    contract = Here()
    contract.test_value_is_one_finite_number_a_clip()
    contract.test_gradient_is_finite_and_arrives()
