"""Render meshes with OpenGL, without a window: triangles with a depth buffer, several samples per pixel."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any

import moderngl
import numpy as np
from diffopt_core.errors import MissingResource
from diffopt_core.interfaces import BuildContext, Mesh, Shot

from .plugin import GlConfig
from .take import stacked

#: OpenGL 3.3 (2010), supported by all current drivers.
_VERSION = 330


def open_context(device: int) -> moderngl.Context:
    """On Linux through EGL, which needs no display; elsewhere through the system's default. Raises MissingResource
    naming the system libraries.
    """
    with suppress(ImportError):  # import before Mesa, which has its own LLVM: afterwards torch's compiler would crash
        import_module("triton")
    try:
        if sys.platform.startswith("linux"):
            return moderngl.create_context(require=_VERSION, standalone=True, backend="egl", device_index=device)  # type: ignore[arg-type]
        return moderngl.create_context(require=_VERSION, standalone=True)
    except Exception as error:  # moderngl and glcontext raise plain Exception
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingResource(
            f"renderer 'gl' cannot open an OpenGL context ({reason}): install the driver of the GPU or, to draw on the "
            "CPU, Mesa (Debian, Ubuntu: apt-get install libegl1 libgl1-mesa-dri); renderer 'embree' needs neither"
        ) from error


#: Near plane (as the protocol requires) and far plane, m.
_NEAR, _FAR = 0.05, 1e4
_CLIP_DISTANCE0 = 0x3000

_VERTEX = """
#version 330
in vec3 place;       // world, m
in vec3 shade;
uniform mat3 turn;   // world to camera
uniform vec3 shift;
uniform vec4 lens;   // focal length and centre in shares of the image's size: fx, fy, cx, cy
uniform vec2 depth;  // nearest and farthest
uniform bool cut;
out vec3 colour;
void main() {
    vec3 seen = turn * place + shift;
    float z = seen.z;
    vec2 share = lens.xy * seen.xy + lens.zw * z;
    float near = depth.x, far = depth.y;
    gl_Position = vec4(2.0 * share - z, ((far + near) * z - 2.0 * far * near) / (far - near), z);
    gl_ClipDistance[0] = cut ? place.y : 1.0;
    colour = shade;
}
"""
_FRAGMENT = """
#version 330
in vec3 colour;
out vec4 seen;
void main() { seen = vec4(colour, 1.0); }
"""


class GlRenderer:
    """Implements :class:`diffopt_core.interfaces.Renderer`. Not to be shared between threads, as a context belongs to
    one. Raises MissingResource if no context can be opened.
    """

    def __init__(self, config: GlConfig, ctx: BuildContext | None = None):
        self._context = context = open_context(config.device)
        self._samples = min(config.samples, context.max_samples)
        self._program = context.program(vertex_shader=_VERTEX, fragment_shader=_FRAGMENT)
        self._targets: tuple[tuple[int, int], moderngl.Framebuffer, moderngl.Framebuffer] | None = None
        info = context.info
        self.about = f"OpenGL {info['GL_VERSION'].split()[0]}, {info['GL_RENDERER']}, moderngl {version('moderngl')}"

    def draw(self, shot: Shot) -> np.ndarray:
        """See :class:`diffopt_core.interfaces.Renderer`. Colour and alpha of edges are means over the samples of a
        pixel."""
        width, height = shot.size
        several, single = self._target(shot.size)
        several.use()
        self._context.viewport = (0, 0, width, height)
        self._context.clear(0.0, 0.0, 0.0, 0.0)
        if shot.meshes:
            self._fill(shot, stacked(shot.meshes))
        self._context.copy_framebuffer(single, several)
        # OpenGL returns rows from the bottom; the vertex shader does not flip, so that is this image's first row
        image = np.frombuffer(single.read(components=4, alignment=1), np.uint8).reshape(height, width, 4)
        return _divided(image)

    def _fill(self, shot: Shot, mesh: Mesh) -> None:
        camera = shot.camera
        R, t, focal, centre = (x.cpu().float().numpy() for x in (camera.R, camera.t, camera.focal, camera.centre))
        vertices = mesh.vertices.numpy()
        self._set("turn", tuple(R.T.flatten().tolist()))  # column-major
        self._set("shift", tuple(t.tolist()))
        self._set("lens", (*(focal / shot.size).tolist(), *(centre / shot.size).tolist()))
        self._set("depth", _range(vertices @ R[2] + t[2]))
        self._set("cut", shot.floor)
        context = self._context
        context.enable_only(moderngl.DEPTH_TEST)
        context.enable_direct(_CLIP_DISTANCE0)
        points = context.buffer(vertices.tobytes())
        shades = context.buffer(mesh.colours.numpy().tobytes())
        corners = context.buffer(mesh.faces.numpy().tobytes())
        parts = [(points, "3f", "place"), (shades, "3f", "shade")]
        array = context.vertex_array(self._program, parts, index_buffer=corners, index_element_size=4)
        array.render(moderngl.TRIANGLES)
        for thing in (array, points, shades, corners):
            thing.release()

    def _set(self, name: str, value: Any) -> None:
        uniform = self._program[name]
        assert isinstance(uniform, moderngl.Uniform)
        uniform.value = value

    def _target(self, size: tuple[int, int]) -> tuple[moderngl.Framebuffer, moderngl.Framebuffer]:
        """Multisampled framebuffer and resolve framebuffer; reused while the size is the same."""
        if self._targets is None or self._targets[0] != size:
            if self._targets is not None:
                for old in self._targets[1:]:
                    old.release()
            context, samples = self._context, self._samples if self._samples > 1 else 0
            several = context.framebuffer(
                context.renderbuffer(size, 4, samples=samples), context.depth_renderbuffer(size, samples=samples)
            )
            self._targets = (size, several, context.framebuffer(context.renderbuffer(size, 4)))
        return self._targets[1], self._targets[2]


def _range(depth: np.ndarray) -> tuple[float, float]:
    """Nearest and farthest depth, m: as tight as the vertices allow, for depth buffer precision."""
    near, far = float(depth.min()), float(depth.max())
    return max(_NEAR, 0.9 * near), min(_FAR, max(1.1 * far, 2 * _NEAR, 1.5 * near))


def _divided(image: np.ndarray) -> np.ndarray:
    """Undo the averaging with the black background in partly covered pixels."""
    image = image.copy()
    part = (image[..., 3] > 0) & (image[..., 3] < 255)
    some = image[part].astype(np.float32)
    image[part, :3] = np.minimum(some[:, :3] * (255.0 / some[:, 3:]) + 0.5, 255.0)
    return image
