"""Component configs: the middle rung between a name and an object. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from .errors import MissingResource
from .plugin import resolve


class ComponentConfig(BaseModel):
    """Base of every component's settings: frozen, no unknown keys; ``build`` makes the object.

    No torch at the top of the config's module: it belongs to the module that ``builds`` names, or into ``build``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: What `diffopt show KIND NAME` prints as the terms of use of weights, data or code behind the component.
    licence: ClassVar[str] = ""
    #: Options of earlier versions that are constants now, with their value: a run file that says just that still holds.
    retired: ClassVar[Mapping[str, Any]] = {}

    #: Options that name a program, code or an environment to run, or a file that a foreign program loads unchecked: the
    #: file of a recipe or a run file may not set them by itself, the user may.
    runs: ClassVar[frozenset[str]] = frozenset()

    #: What is built, as ``"package.module:Class"``: called with these settings and the context. Its module may import
    #: the config's, never the other way round.
    builds: ClassVar[str] = ""

    #: Packages that are no dependencies of whoever offers the component: module -> what to say where it is missing.
    packages: ClassVar[Mapping[str, str]] = {}

    def terms_of_use(self) -> str:
        """Terms of what these very settings name, written into every result. Override where a setting decides, as
        the choice of weights does."""
        return self.licence

    def build(self, ctx: Any) -> Any:
        """Return the object that the kind's protocol describes; override it where there is more to do than to call
        what ``builds`` names.

        ``ctx`` is a :class:`diffopt_core.interfaces.BuildContext`; for bodies, representations, terms, priors and
        executors it is a ``ProblemContext``. Raises MissingResource where one of ``packages`` is not installed.
        """
        for module, words in self.packages.items():
            try:
                import_module(module)
            except ImportError as error:
                raise MissingResource(words) from error
        return resolve(self.target())(self, ctx)

    def target(self) -> str:
        """``builds``; override it where the settings choose between several classes."""
        if not self.builds:
            raise NotImplementedError(f"{type(self).__name__}: name what it builds (`builds`), or write `build(ctx)`")
        return self.builds


class FixedConfig(ComponentConfig):
    """It has no options."""

    #: What ``builds`` is called with. Rows set both (:func:`diffopt_core.plugin.fixed`).
    arguments: ClassVar[Mapping[str, Any]] = {}

    def build(self, ctx: Any) -> Any:
        return resolve(self.target())(**self.arguments)


class TermConfig(ComponentConfig):
    """Base of terms and priors: ``build`` returns ``energy(scene) -> [B]``, one value a clip.

    ``needs`` names the fields of :class:`diffopt_core.types.Scene` beyond motion and camera that the energy
    reads (``joints``, ``keypoints``, ``pixels``, ``depth``); only what some bound term needs is computed.
    ``capturable`` is False for an energy that cannot be compiled or captured; its block then runs eagerly.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    capturable: ClassVar[bool] = True
