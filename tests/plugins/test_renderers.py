"""The renderers keep the contract, wherever they can be built at all."""

from __future__ import annotations

import pytest
from diffopt_core.errors import MissingResource
from diffopt_core.host.testing import RendererContract


class _Built(RendererContract):
    def build(self, ctx=None):
        try:
            return super().build(ctx)
        except MissingResource as error:
            pytest.skip(str(error))


class TestGl(_Built):
    name = "gl"


class TestEmbree(_Built):
    name = "embree"


class TestAuto(_Built):
    name = "auto"
