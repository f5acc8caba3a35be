"""`--draws`: a band beside the motion, the motion itself unchanged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from cli_cases import QUICK
from diffopt_core.results.saved import read_result


def test_draws_write_a_band_and_leave_the_motion_alone(diffopt, case):
    assert diffopt("run", case, "--out", "one", *QUICK).status == 0
    ran = diffopt("run", case, "--out", "four", "--draws", "4", *QUICK)
    assert ran.status == 0 and "root band 90 %" in ran.out
    with np.load("one/motion.npz") as one, np.load("four/motion.npz") as four:
        np.testing.assert_allclose(four["joints"], one["joints"], atol=2e-4)
        frames = len(one["joints"])
        assert four["root_band90"].shape == (frames,) and four["joint_band90"].shape == (frames, 24)
        assert (four["root_band90"] > 0).all() and "root_band90" not in one
    spread = read_result(Path("four")).spread
    assert spread is not None and spread.draws == 4
    assert json.loads(Path("four/run.json").read_text())["recipe"]["draws"]["count"] == 4


def test_two_draws_are_refused(diffopt, case):
    ran = diffopt("run", case, "--draws", "2", *QUICK)
    assert ran.status == 2 and "2 draws give no spread" in ran.error
