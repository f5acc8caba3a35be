"""The opcodes of a pickle, carried out for plain data alone: nothing is called that is not written here.

Calls are limited to the constructors below and the functions of the list, BUILD to our stand-ins and fresh arrays,
keys to what hashes in a moment; what calls copy is bounded by the size of the file.
"""

from __future__ import annotations

import collections
import io
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from .arrays import Dtype, set_state

_SCALARS = (bool, int, float, complex, str, bytes, type(None))
_KEYS = (*_SCALARS, np.generic)
_SEQUENCES = (list, tuple, set, frozenset)
_LONGEST_NUMBER, _LONGEST_RANGE, _LONGEST_KEY = 400, 1 << 20, 64
_CODECS = ("latin1", "latin-1", "utf-8")


def key(value: Any) -> Any:
    """A key of a dictionary or an item of a set: a plain value, or a short tuple of them."""
    if isinstance(value, tuple):
        if len(value) <= _LONGEST_KEY and all(isinstance(part, _KEYS) for part in value):
            return value
    elif isinstance(value, (*_KEYS, Inert, type)):
        return value
    raise pickle.UnpicklingError(f"a key of a {type(value).__name__} is refused")


def _number(kind: type, *args: Any) -> Any:
    if any(not isinstance(a, _SCALARS) or (isinstance(a, str | bytes) and len(a) > _LONGEST_NUMBER) for a in args):
        raise pickle.UnpicklingError(f"a {kind.__name__} of these arguments is refused")
    return kind(*args)


def _text(kind: type, *args: Any) -> Any:
    first = args[0] if args else kind()
    if len(args) == 2 and isinstance(first, str | bytes) and args[1] in _CODECS:
        return kind(first, args[1])
    allowed = (str,) if kind is str else (bytes, bytearray, list)
    if len(args) > 1 or not isinstance(first, allowed):
        raise pickle.UnpicklingError(f"a {kind.__name__} of these arguments is refused")
    return kind(first)


def _sequence(kind: type, *args: Any) -> Any:
    if len(args) > 1 or (args and type(args[0]) not in _SEQUENCES):
        raise pickle.UnpicklingError(f"a {kind.__name__} of these arguments is refused")
    return kind(map(key, *args) if args and kind in (set, frozenset) else args[0] if args else ())


def _mapping(kind: type, *args: Any) -> Any:
    held = kind()
    if kind is collections.defaultdict:
        args = args[1:]  # a factory is of no use here
    if len(args) > 1 or any(type(pairs) not in (list, tuple, dict, collections.OrderedDict) for pairs in args):
        raise pickle.UnpicklingError(f"a {kind.__name__} of these arguments is refused")
    for pairs in args:
        for k, v in pairs.items() if isinstance(pairs, dict) else pairs:
            held[key(k)] = v
    return held


def _bounds(kind: type, *args: Any) -> Any:
    if not 1 <= len(args) <= 3 or any(type(a) not in (int, type(None)) for a in args):
        raise pickle.UnpicklingError(f"a {kind.__name__} of these arguments is refused")
    held = kind(*args)
    if kind is range and len(held) > _LONGEST_RANGE:
        raise pickle.UnpicklingError(f"a range of {len(held)} numbers is refused")
    return held


_MAKERS: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys((bool, int, float, complex), _number),
    **dict.fromkeys((str, bytes, bytearray), _text),
    **dict.fromkeys(_SEQUENCES, _sequence),
    **dict.fromkeys((dict, collections.OrderedDict, collections.defaultdict), _mapping),
    **dict.fromkeys((range, slice), _bounds),
}


class Inert:
    """Holds the state of an object whose class is known but not wanted: nothing of it runs."""

    kind = ""

    def __init__(self, *_: Any):
        self.state: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        # objects with slots give (dict, slots)
        parts = state if isinstance(state, tuple) else (state,)
        self.state = {k: v for part in parts if isinstance(part, dict) for k, v in part.items()}


class Interpreter(pickle._Unpickler):
    """Subclasses say in ``find_class`` what a name stands for, and in ``functions`` what may be called by name."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]
    functions: frozenset[Any] = frozenset()

    def __init__(self, stream: io.BytesIO, **more: Any):
        super().__init__(stream, **more)
        self._left = 8 * stream.getbuffer().nbytes + (1 << 20)

    def _charge(self, *values: Any) -> None:
        """What a call copies, in bytes, on account of the file."""
        for value in values:
            if isinstance(value, str | bytes | bytearray):
                self._left -= len(value)
            elif isinstance(value, (*_SEQUENCES, dict)):
                self._left -= 8 * len(value)
        if self._left < 0:
            raise pickle.UnpicklingError("it asks for many times its own size and is refused")

    def _call(self, what: Any, args: Any) -> Any:
        if not isinstance(args, tuple) or not callable(what):
            raise pickle.UnpicklingError(f"a call of {type(what).__name__} is refused")
        self._charge(*args)
        try:
            return self._called(what, *args)
        except TypeError as error:  # the arguments are the file's
            raise pickle.UnpicklingError(f"{getattr(what, '__name__', what)}: {error}") from error

    def _called(self, what: Any, *args: Any) -> Any:
        if isinstance(what, type) and issubclass(what, Inert):
            return what(*args)
        if what is object and not args:
            return object()
        if maker := _MAKERS.get(what):
            return maker(what, *args)
        if what is Dtype or what in self.functions:
            return what(*args)
        raise pickle.UnpicklingError(f"a call of {getattr(what, '__name__', what)} is refused")

    def _instantiate(self, klass: Any, args: Any) -> None:
        self.append(self._call(klass, tuple(args)))  # type: ignore[attr-defined]

    def _reduce(self) -> None:
        args = self.stack.pop()  # type: ignore[attr-defined]
        self.stack[-1] = self._call(self.stack[-1], args)  # type: ignore[attr-defined]

    def _newobj_ex(self) -> None:
        if self.stack.pop():  # type: ignore[attr-defined]
            raise pickle.UnpicklingError("arguments by name are refused")
        self._reduce()

    def load_build(self) -> None:
        """State for stand-ins and fresh arrays; that of dictionaries is left out."""
        state = self.stack.pop()  # type: ignore[attr-defined]
        held = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(held, Inert | Dtype):
            held.__setstate__(state)
        elif type(held) is np.ndarray:
            self._charge(*state if isinstance(state, tuple) else ())
            set_state(held, state)
        elif not isinstance(held, dict):
            raise pickle.UnpicklingError(f"a state for {getattr(held, '__name__', type(held).__name__)} is refused")

    def _top(self, kind: type) -> Any:
        held = self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(held, Inert) and held.kind == "token":
            return kind()  # it may be a container of its own making
        if not isinstance(held, kind):
            raise pickle.UnpicklingError(f"an item of a {type(held).__name__} is refused")
        return held

    def _lay(self, held: dict[Any, Any], items: list[Any]) -> None:
        for k, v in zip(items[::2], items[1::2], strict=True):
            held[key(k)] = v

    def _dict(self) -> None:
        held: dict[Any, Any] = {}
        self._lay(held, self.pop_mark())  # type: ignore[attr-defined]
        self.append(held)  # type: ignore[attr-defined]

    def _setitem(self) -> None:
        value, name = self.stack.pop(), self.stack.pop()  # type: ignore[attr-defined]
        self._top(dict)[key(name)] = value

    def _setitems(self) -> None:
        items = self.pop_mark()  # type: ignore[attr-defined]
        self._lay(self._top(dict), items)

    def _additems(self) -> None:
        items = self.pop_mark()  # type: ignore[attr-defined]
        self._top(set).update(map(key, items))

    def _frozenset(self) -> None:
        self.append(frozenset(map(key, self.pop_mark())))  # type: ignore[attr-defined]

    def _append(self) -> None:
        value = self.stack.pop()  # type: ignore[attr-defined]
        self._top(list).append(value)

    def _appends(self) -> None:
        items = self.pop_mark()  # type: ignore[attr-defined]
        self._top(list).extend(items)

    def _bytearray8(self) -> None:
        size = int.from_bytes(self.read(8), "little")  # type: ignore[attr-defined]
        data = self.read(min(size, 1 << 62))  # type: ignore[attr-defined]
        if len(data) != size:
            raise EOFError("the file ends within an array")
        self.append(bytearray(data))  # type: ignore[attr-defined]

    dispatch |= {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _reduce,
        pickle.NEWOBJ_EX[0]: _newobj_ex,
        pickle.BUILD[0]: load_build,
        pickle.DICT[0]: _dict,
        pickle.SETITEM[0]: _setitem,
        pickle.SETITEMS[0]: _setitems,
        pickle.ADDITEMS[0]: _additems,
        pickle.FROZENSET[0]: _frozenset,
        pickle.APPEND[0]: _append,
        pickle.APPENDS[0]: _appends,
        pickle.BYTEARRAY8[0]: _bytearray8,
    }
