"""The body that poses are found for."""

from __future__ import annotations

import pytest
from diffopt_core.parts.bodies.anny24 import load
from diffopt_inits.rest import rest_body


@pytest.fixture(scope="session")
def body():
    return load()


@pytest.fixture(scope="session")
def rest(body):
    return rest_body(body, None)
