"""In place of chumpy, which no longer installs: the one class that body model files are pickled with."""

from .ch import Ch

__all__ = ["Ch"]
