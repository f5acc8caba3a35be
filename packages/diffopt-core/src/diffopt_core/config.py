"""Component configs: typed settings, the step between a component's name and its object. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from .errors import MissingResource
from .plugin import resolve


class ComponentConfig(BaseModel):
    """Base of every component's settings: frozen, no unknown keys; ``build`` makes the object.

    The config's module must not import torch at its top level; import it in the module that ``builds`` names, or in
    ``build``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What `diffopt show KIND NAME` prints as the terms of use of weights, data or code behind the component.
    licence: ClassVar[str] = ""
    #: Options of earlier versions that are constants now, with their value: a run file that sets exactly this value is
    #: still accepted.
    retired: ClassVar[Mapping[str, Any]] = {}

    #: Options that name a program, code or an environment to run, or a file that a foreign program loads unchecked. A
    #: recipe file or a run file may not set them by itself; the user may.
    runs: ClassVar[frozenset[str]] = frozenset()

    #: What is built, as ``"package.module:Class"``: called with these settings and the context. Its module may import
    #: the config's, never the other way round.
    builds: ClassVar[str] = ""

    #: Of representations, terms and priors: whether what is built handles clips of different lengths in one batch, that
    #: is, whether frames beyond a clip's end (``ctx.own``) change nothing. If not, it gets clips of equal length only.
    ragged: ClassVar[bool] = False

    #: Optional packages, which are not dependencies of the distribution: module -> the message if it is missing.
    packages: ClassVar[Mapping[str, str]] = {}

    def terms_of_use(self) -> str:
        """Terms of use for these settings, written into every result. Override it if they depend on an option, such as
        the choice of weights."""
        return self.licence

    def build(self, ctx: Any) -> Any:
        """Return an object that implements the protocol of its kind. Override it if calling what ``builds`` names is
        not enough.

        ``ctx`` is a :class:`diffopt_core.interfaces.BuildContext`; for bodies, representations, terms, priors and
        executors it is a ``ProblemContext``. Raises MissingResource if one of ``packages`` is not installed.
        """
        for module, words in self.packages.items():
            try:
                import_module(module)
            except ImportError as error:
                raise MissingResource(words) from error
        return resolve(self.target())(self, ctx)

    def target(self) -> str:
        """``builds``; override it if the settings choose between several classes."""
        if not self.builds:
            raise NotImplementedError(f"{type(self).__name__}: name what it builds (`builds`), or write `build(ctx)`")
        return self.builds


class FixedConfig(ComponentConfig):
    """This component has no options."""

    #: What ``builds`` is called with. Rows set both (:func:`diffopt_core.plugin.fixed`).
    arguments: ClassVar[Mapping[str, Any]] = {}

    def build(self, ctx: Any) -> Any:
        return resolve(self.target())(**self.arguments)


class TermConfig(ComponentConfig):
    """Base of terms and priors: ``build`` returns ``energy(scene) -> [B]``, one value per clip.

    ``needs`` names the fields of :class:`diffopt_core.types.Scene` beyond motion and camera that the energy
    reads (``joints``, ``keypoints``, ``pixels``, ``depth``); only what some bound term needs is computed.
    ``capturable`` is False for an energy that cannot be compiled or captured; its block then runs eagerly.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    capturable: ClassVar[bool] = True
