"""Renderer ``gl``: OpenGL without a window (moderngl; EGL on Linux)."""
