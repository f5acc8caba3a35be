"""Guests: plugins of other distributions. What they raise is told as theirs, wherever it comes from."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ..errors import DiffOptError
from .registry import Plugin, Registry
from .shipped import is_shipped

log = logging.getLogger(__name__)
#: Our packages that call components: what lies further inside than one of these was called back.
_WALK = ("diffopt_core.solver", "diffopt_core.results", "diffopt_core.perception.perceive", "diffopt_core.cli")


@contextmanager
def named(registry: Registry) -> Iterator[None]:
    """An exception out of a guest's code becomes one line: the component, who offers it, what it raised and where.

    What is ours stays as it is, and so does want of memory.
    """
    try:
        yield
    except (DiffOptError, MemoryError):
        raise
    except Exception as error:
        if told := blamed(error, registry):
            raise DiffOptError(told) from error
        raise


def blamed(error: Exception, registry: Registry) -> str | None:
    """Whose fault an exception is, in one line; None where no guest had a part in it."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(_WALK):
            return None
        plugin = registry.behind(module)
        if plugin is not None and not is_shipped(plugin.distribution):
            said = " ".join(str(error).split())[:300]
            where = f"{Path(frame.f_code.co_filename).name}, line {line}"
            return f"{_who(frame, plugin, registry)} failed ({type(error).__name__}: {said}; {where})"
    return None


def _who(frame: FrameType, plugin: Plugin, registry: Registry) -> str:
    """The component whose module or method a frame is of, if there is just one; else the plugin."""
    rows = [row for row in registry.rows(plugin) if row.module == frame.f_globals.get("__name__")]
    if len(rows) > 1:
        from .. import interfaces  # imports torch, which whoever raised here had
        from ..plugin import KINDS

        method = frame.f_code.co_name
        rows = [row for row in rows if method in vars(getattr(interfaces, KINDS[row.kind].protocol))] or rows
    of = f"of {plugin.distribution}"
    return f"{rows[0].kind} '{rows[0].name}' {of}" if len(rows) == 1 else f"plugin '{plugin.name}' {of}"


def tell(registry: Registry, hook: str, **what: Any) -> None:
    """Call a hook of every plugin, each alone: one that fails is named and has no further part in that call.

    A DiffOptError is the plugin's own word and stops the run.
    """
    manager = registry.manager
    everyone = [plugin for _, plugin in manager.list_name_plugin()]
    for caller in reversed(getattr(manager.hook, hook).get_hookimpls()):
        others = [plugin for plugin in everyone if plugin is not caller.plugin]
        try:
            manager.subset_hook_caller(hook, others)(**what)
        except DiffOptError:
            raise
        except Exception as error:
            owner = next(plugin for plugin in registry.plugins if plugin.name == caller.plugin_name)
            said = " ".join(str(error).split())[:300]
            log.warning("%s: hook %s of %s failed (%s: %s)", caller.plugin_name, hook, owner.distribution,
                        type(error).__name__, said)  # fmt: skip
