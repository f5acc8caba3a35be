"""Every function of ours that a test calls is held to its annotations, shapes included."""

from __future__ import annotations

import jaxtyping
import pytest


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Annotations are not checked, as for users, whose mistakes our own words must answer."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
