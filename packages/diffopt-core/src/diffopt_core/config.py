"""Component configs: the middle rung between a name and an object. No torch here."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class ComponentConfig(BaseModel):
    """Base of every component's settings: frozen, no unknown keys; ``build`` makes the object.

    Import torch inside ``build`` (or in the module that it imports), never at the top of the config's module.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What `diffopt show KIND NAME` prints as the terms of use of weights, data or code behind the component.
    licence: ClassVar[str] = ""

    def terms_of_use(self) -> str:
        """Terms of what these very settings name, written into every result. Override where a setting decides, as
        the choice of weights does."""
        return self.licence

    def build(self, ctx: Any) -> Any:
        """Return the object that the kind's protocol describes.

        ``ctx`` is a :class:`diffopt_core.interfaces.BuildContext`; for bodies, representations, terms, priors and
        executors it is a ``ProblemContext``.
        """
        raise NotImplementedError


class TermConfig(ComponentConfig):
    """Base of terms and priors: ``build`` returns ``energy(scene) -> [B]``, one value a clip.

    ``needs`` names the fields of :class:`diffopt_core.types.Scene` beyond motion and camera that the energy
    reads (``joints``, ``keypoints``, ``pixels``, ``depth``); only what some bound term needs is computed.
    ``capturable`` is False for an energy that cannot be compiled or captured; its block then runs eagerly.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    capturable: ClassVar[bool] = True
