"""What a summary says a result rests on."""

from __future__ import annotations

from dataclasses import replace

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
