"""Numbers in sentences."""

from __future__ import annotations

from diffopt_core.common.words import counted, percent


def test_one_and_many():
    assert [counted(n, "case") for n in (0, 1, 1200)] == ["0 cases", "1 case", "1,200 cases"]


def test_a_change_that_rounds_to_nothing_has_no_sign():
    assert [percent(*pair) for pair in ((1.0, 0.999), (1.0, 1.001), (2.0, 1.0), (-1.0, -0.5))] == [
        "0%", "0%", "-50%", "+50%",
    ]  # fmt: skip
    assert [percent(*pair) for pair in ((None, 1.0), (0.0, 1.0), (1.0, float("nan")))] == ["", "", ""]
