"""The command line: one command per file. Importing it does not import torch."""

from __future__ import annotations

import gc
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from ..common import output as voice
from ..common.console import Notices, err, fail, note
from ..errors import DiffOptError
from ..host.guests import blamed
from . import flags
from .app import State, build

#: Exit status of a bug in DiffOpt (2: an error the user can fix, 1: a clip diverged).
INTERNAL = 70
INTERRUPTED = 130
#: Where the project's own files are: one that is missing there is an internal error.
_OURS = os.path.dirname(os.path.dirname(__file__))
#: Set by a shell that asks for completions; notices would then appear in the command line being typed.
_COMPLETES = "_DIFFOPT_COMPLETE"

# typer does not re-export the common base class of its usage errors
_ClickError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    One line for an error, a traceback only with ``--debug``. With ``--json`` standard output holds exactly one
    document: the command's, or else the error.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    with (
        _rarely_collecting(),
        warnings.catch_warnings(),
        voice.speaking(quiet=_typed(args, flags.QUIET) or _COMPLETES in os.environ) as stdout,
        _notices(),
    ):
        warnings.showwarning = _show_warning
        status, error = _run(args)
        if error is not None and _typed(args, flags.JSON):  # if the parser failed, it may not have reached this flag
            voice.listen(as_json=True)
        try:
            voice.finish(stdout, status, error)
        except OSError as problem:
            status, _ = _fail(f"standard output: cannot be written ({problem.strerror})", 2, False)
    return status


def _run(args: list[str]) -> tuple[int, str | None]:
    """Exit status, and the line of the error if there is one."""
    debug = _typed(args, flags.DEBUG)
    state: State | None = None
    try:
        command, state = build()
        status = command.main(args=args, prog_name="diffopt", standalone_mode=False, obj=state)
    except DiffOptError as error:
        return _fail(str(error), error.exit_status, debug)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except _ClickError as error:
        return _usage(error)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is not None and not str(error.filename).startswith(_OURS):
            return _fail(f"{str(error.filename)[:300]}: {error.strerror}", DiffOptError.exit_status, debug)
        if state is not None and (told := blamed(error, state.registry)):
            return _fail(told, DiffOptError.exit_status, debug)
        what = f"unexpected {type(error).__name__}: {error}"
        return _fail(what if debug else f"{what} (--debug shows where)", INTERNAL, debug)
    if status == INTERRUPTED:  # some versions of typer return this status, others raise
        note("interrupted")
        return INTERRUPTED, "interrupted"
    return status if isinstance(status, int) else 0, None


def _typed(args: Sequence[str], names: Sequence[str]) -> bool:
    return any(name in args for name in names)


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Run full garbage collections a tenth as often: objects created by importing torch stay alive, and scanning them
    repeatedly takes a tenth of the start-up time."""
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], 10 * before[2])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _notices() -> Iterator[None]:
    """Print warnings of all loggers, including those of plugins, as notices, once each."""
    root, handler = logging.getLogger(), Notices()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _fail(message: str, status: int, debug: bool) -> tuple[int, str]:
    if debug:
        traceback.print_exc()
    fail(message)
    return status, " ".join(message.split())


def _usage(error: Exception) -> tuple[int, str]:
    """Print a usage error of the option parser as one line, like all other errors."""
    context = getattr(error, "ctx", None)
    message = error.format_message().replace(": Value error, ", ": ")  # type: ignore[attr-defined]
    if not message:  # a group without a command: typer prints its help
        err.print(context.get_help() if context else "", highlight=False)
        return 2, "no command was given"
    hint = f" (see '{context.command_path} --help')" if context else ""
    return _fail(f"{message}{hint}", 2, False)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    note(str(message).splitlines()[0])
