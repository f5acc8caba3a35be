"""Key ``good`` of a truth file: the frames that count."""

import numpy as np
import pytest
from diffopt_core.errors import BadInput
from diffopt_core.parts.datasets.case_file import clip_of, with_truth
from diffopt_core.parts.demo_motion import demo_case


def test_good_frames_of_a_truth_file(tmp_path):
    case, truth = demo_case(0)
    frames = len(case["keypoints"])
    good = np.arange(frames) % 2 == 0
    clip = with_truth(clip_of(case, "walk"), truth | {"good": good}, tmp_path / "walk.npz")
    assert clip.truth is not None and clip.truth.good is not None
    assert (clip.truth.good.numpy() == good).all()
    assert with_truth(clip_of(case, "walk"), truth, tmp_path / "walk.npz").truth.good is None  # type: ignore[union-attr]
    with pytest.raises(BadInput, match=r"walk\.npz: good: has shape"):
        with_truth(clip_of(case, "walk"), truth | {"good": good[:4]}, tmp_path / "walk.npz")
