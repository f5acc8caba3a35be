"""Renderer ``pytorch3d``: the contract against PyTorch3D's conventions (the real one where it is built)."""

from __future__ import annotations

import sys

import pytest
import pytorch3d_stand_in
from diffopt_core.errors import MissingResource
from diffopt_core.host.testing import RendererContract


class TestPytorch3dConventions(RendererContract):
    name = "pytorch3d"
    size = (61, 45)

    @pytest.fixture(autouse=True)
    def _stand_in(self, monkeypatch):
        pytorch3d_stand_in.install(monkeypatch)


@pytest.mark.needs("pytorch3d")
class TestPytorch3d(RendererContract):
    name = "pytorch3d"
    size = (61, 45)

    def build(self, ctx=None):
        try:
            return super().build(ctx)
        except MissingResource as error:
            pytest.skip(str(error))


def test_what_is_missing_is_told_with_the_way_to_build_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch3d", None)
    with pytest.raises(MissingResource, match="no-build-isolation"):
        TestPytorch3dConventions().build()


def test_a_build_without_its_extension_is_told(monkeypatch):
    pytorch3d_stand_in.install(monkeypatch)
    monkeypatch.delitem(sys.modules, "pytorch3d._C")
    with pytest.raises(MissingResource, match=r"pytorch3d\._C"):
        TestPytorch3dConventions().build()
