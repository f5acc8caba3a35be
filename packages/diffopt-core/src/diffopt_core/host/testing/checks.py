"""The contract of a component without a test file: ``diffopt plugins check``."""

from __future__ import annotations

import inspect
import shutil
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...errors import DiffOptError
from ...types import Clip
from ..registry import Registry
from .component import ComponentContract, RunnerContract
from .evidence import BodyContract, CameraContract, DetectorContract, InitializerContract
from .renderer import RendererContract
from .results import DatasetContract, ExporterContract, MetricContract
from .steps import ExecutorContract, RepresentationContract
from .term import PriorContract, TermContract
from .viewer import ViewerContract

#: By kind.
CONTRACTS: dict[str, type[ComponentContract]] = {
    contract.kind: contract
    for contract in (
        DatasetContract, DetectorContract, CameraContract, InitializerContract, BodyContract, RepresentationContract,
        PriorContract, TermContract, ExecutorContract, ExporterContract, MetricContract, ViewerContract,
        RendererContract, RunnerContract,
    )
}  # fmt: skip


def contract_of(
    registry: Registry,
    kind: str,
    name: str,
    options: Mapping[str, Any],
    sample: Path | None = None,
    clip: Clip | None = None,
) -> ComponentContract:
    """The contract of one component. ``sample``: a file for a dataset; ``clip``: for what looks at clips, instead of
    a synthetic one without images.

    Raises DiffOptError for a dataset without a sample.
    """
    if kind == "dataset" and sample is None:
        raise DiffOptError(f"dataset '{name}' is checked on a file of its format: name one behind the dataset")

    def copied(self: Any, folder: Path) -> Path:
        assert sample is not None
        copy = shutil.copytree if sample.is_dir() else shutil.copy
        return Path(copy(sample, folder / sample.name))

    parts: dict[str, Any] = {"kind": kind, "name": name, "options": options, "registry": lambda self: registry}
    parts |= {"sample": copied} if sample is not None else {}
    parts |= {"clip": lambda self, folder: clip} if clip is not None else {}
    return type("Check", (CONTRACTS[kind],), parts)()


def run_checks(contract: ComponentContract) -> Iterator[tuple[str, str | None]]:
    """(what is checked, the line of what fails or None), test by test."""
    for name in (name for name in dir(contract) if name.startswith("test_")):
        check = getattr(contract, name)
        with TemporaryDirectory() as folder:
            needs = [Path(folder)] if "tmp_path" in inspect.signature(check).parameters else []
            try:
                check(*needs)
            except Exception as error:
                yield name.removeprefix("test_").replace("_", " "), _line(error)
            else:
                yield name.removeprefix("test_").replace("_", " "), None


def _line(error: Exception) -> str:
    """What an error says; of a bare assertion, the line that it stands in."""
    said = " ".join(str(error).split()) or str(traceback.extract_tb(error.__traceback__)[-1].line)
    return said if isinstance(error, AssertionError | DiffOptError) else f"{type(error).__name__}: {said}"
