"""The command line: one command a file. Nothing here imports torch before a command asks for it."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from ..errors import DiffOptError
from .app import build
from .console import Notices, err, note

#: Exit status of a fault of ours (as opposed to 2: the user can mend it, 1: the run diverged).
INTERNAL = 70
INTERRUPTED = 130
_LOGGERS = ("diffopt_core", "diffopt_priors", "diffopt_cameras", "diffopt_inits", "diffopt_exports", "diffopt_runners")

# typer re-exports only the leaves of its exception tree; the root is where the usage errors meet.
_ClickError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status. One line for an error, a traceback only with ``--debug``."""
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    with warnings.catch_warnings(), _notices("--quiet" in args or "-q" in args):
        warnings.showwarning = _show_warning
        try:
            command, state = build()
            status = command.main(args=args, prog_name="diffopt", standalone_mode=False, obj=state)
        except DiffOptError as error:
            return _fail(str(error), error.exit_status, debug)
        except (KeyboardInterrupt, typer.Abort):
            note("interrupted")
            return INTERRUPTED
        except _ClickError as error:
            return _usage(error)
        except Exception as error:
            what = f"unexpected {type(error).__name__}: {error}"
            return _fail(what if debug else f"{what} (--debug shows where)", INTERNAL, debug)
    return status if isinstance(status, int) else 0


@contextmanager
def _notices(quiet: bool) -> Iterator[None]:
    """Warnings of this project's loggers (and of its plugins') as notices, once each."""
    handler, loggers = Notices(), [logging.getLogger(name) for name in _LOGGERS]
    handler.quiet = quiet
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True


def _fail(message: str, status: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    err.print(f"[bold red]error:[/] {_plain(message)}", soft_wrap=True, highlight=False)
    return status


def _usage(error: Exception) -> int:
    """Usage errors of the option parser, in the same one line as all others."""
    context = getattr(error, "ctx", None)
    message = error.format_message()  # type: ignore[attr-defined]
    if not message:  # a group without a command: its help says more than any line
        err.print(context.get_help() if context else "", highlight=False)
        return 2
    hint = f" (see '{context.command_path} --help')" if context else ""
    return _fail(f"{message}{hint}", 2, False)


def _show_warning(message, category, filename, lineno, file=None, line=None) -> None:
    note(str(message).splitlines()[0])


def _plain(text: str) -> str:
    """One line, with square brackets that rich would take for markup escaped."""
    return " ".join(text.split()).replace("[", r"\[")
