"""An OpenGL context without a window."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from diffopt_core.errors import MissingResource

if TYPE_CHECKING:
    import moderngl

#: OpenGL 3.3, of 2010: everything that draws today has it.
_VERSION = 330


def open_context(device: int) -> moderngl.Context:
    """On Linux through EGL, which asks for no display; elsewhere by the system's own way.

    Raises MissingResource: the package, or the system libraries behind it.
    """
    try:
        import moderngl
    except ImportError as error:
        raise MissingResource("renderer 'gl' needs the package moderngl: pip install moderngl") from error
    try:
        if sys.platform.startswith("linux"):
            return moderngl.create_context(require=_VERSION, standalone=True, backend="egl", device_index=device)  # type: ignore[arg-type]
        return moderngl.create_context(require=_VERSION, standalone=True)
    except Exception as error:  # moderngl and glcontext raise the bare class
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingResource(
            f"renderer 'gl' cannot open an OpenGL context ({reason}): install the driver of the GPU or, to draw on the "
            "CPU, Mesa (Debian, Ubuntu: apt-get install libegl1 libgl1-mesa-dri); renderer 'embree' needs neither"
        ) from error
