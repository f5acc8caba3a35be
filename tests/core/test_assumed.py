"""What a summary says a result rests on."""

from __future__ import annotations

from dataclasses import replace

import torch
from diffopt_core.host.testing import make_result
from diffopt_core.parts.assumed import grounds


def test_the_focal_length_of_the_file_and_of_the_solve_are_two() -> None:
    result = make_result()
    (same,) = (g for g in grounds(result) if g.what == "focal length")
    assert "after the solve" not in same.said
    longer = replace(result, camera=replace(result.camera, focal=1.1 * result.initial_camera.focal))
    (told,) = (g for g in grounds(longer) if g.what == "focal length")
    given, found = (c.focal.mean().item() for c in (longer.initial_camera, longer.camera))
    assert f"{given:.0f} px" in told.said and told.said.endswith(f"; {found:.0f} px after the solve")


def test_a_lens_that_zooms_is_told() -> None:
    result = make_result()
    camera = result.initial_camera
    zoom = torch.linspace(1.0, 1.5, len(camera.focal))[:, None] * camera.focal
    (told,) = (g for g in grounds(replace(result, initial_camera=replace(camera, focal=zoom))) if "focal" in g.what)
    first = camera.focal[0].mean().item()
    assert told.said.endswith(f"the lens zooms, from {first:.0f} to {1.5 * first:.0f} px")


def test_what_the_vertical_is_from_is_said_in_words_the_surest_first() -> None:
    """A source that says hardly anything is left out, one that is overruled is named as such."""
    found = {"image": (2.0, 9.0), "network": (1.0, 2.0), "feet": (None, 1.5), "lines": (20.0, 3.0)}
    said = {name: {"apart_deg": apart, "sd_deg": sd} for name, (apart, sd) in found.items()}
    result = make_result()
    result = replace(result, provenance={**result.provenance, "vertical": {"sd_deg": 1.2, "from": said}})
    (told,) = (g for g in grounds(result) if g.what == "vertical")
    assert told.said == (
        "± 1.2 degrees, from standing feet (± 1.5), a network on the poses (± 2); "
        "against lines in the images (20 degrees away)"
    )
