"""Our own weight files: safetensors, with a JSON card beside it (network, data, licence, settings). No torch at
import."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...common.documents import read_json
from ...errors import BadInput, MissingResource, reading

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

_SHOWN = 3
#: Most layers of a network, and the largest other number of a card that something is built by.
MOST_LAYERS, MOST = 256, 1 << 16


def _check_sizes(beside: Path, card: Mapping[str, Any]) -> None:
    """Raise BadInput for a card whose network could not be built in reasonable time and memory."""
    tables = (("network.", card.get("network")), ("diffusion.", card.get("diffusion")))
    sizes = {f"{head}{key}": value for head, table in tables if isinstance(table, dict) for key, value in table.items()}
    for key, value in (sizes | {"window": card.get("window")}).items():
        most = MOST_LAYERS if key == "network.layers" else MOST
        if isinstance(value, int | float) and not abs(value) <= most:
            raise BadInput(beside, key, f"is {value:g}; expected at most {most}")


@dataclass(frozen=True)
class OwnWeights:
    """The weight files of a component. ``folder/COMPONENT_NAME.safetensors`` is shipped under the name NAME; other
    files are given by path.

    ``marks``: entries that a card must have, such as its format. ``source``: where to get such a file, appended to
    every message. ``published``: file endings of published checkpoints, which have no card and which the component
    reads itself.
    """

    component: str
    folder: Path
    marks: Mapping[str, Any]
    source: str
    kind: str = "prior"
    published: tuple[str, ...] = ()

    def file(self, weights: str) -> Path:
        """Path for a shipped name or a path; need not exist."""
        given, own = Path(weights).expanduser(), self.folder / f"{self.component}_{weights}.safetensors"
        is_word = given.name == weights and not given.suffix
        return own if is_word and (own.is_file() or not given.exists()) else given

    def resolve(self, weights: str) -> Path:
        """Path for a shipped name or a path. Raises MissingResource with the available names and where to get a
        file."""
        path = self.file(weights)
        wanted = (path,) if path.suffix in self.published else (path, path.with_suffix(".json"))
        if missing := [file.name for file in wanted if not file.is_file()]:
            shipped = sorted(self.folder.glob(f"{self.component}_*.safetensors"))
            names = ", ".join(file.stem.removeprefix(f"{self.component}_") for file in shipped) or "none"
            raise MissingResource(
                f"{self.kind} {self.component}: {' and '.join(missing)} not found in {path.parent}. "
                f"Shipped weights: {names}; {self.source}; give the file: --set {self.kind}.weights=PATH"
            )
        return path

    def terms(self, weights: str) -> str:
        """Terms of the training data of ``weights``, from their card; empty if the card has none or does not exist."""
        try:
            found = [str(line) for line in read_json(self.file(weights).with_suffix(".json"))["terms"]]
        except (BadInput, KeyError, TypeError):
            return ""
        return f"weights '{weights}': {' '.join(found)}" if found else ""

    def read(self, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors (CPU, as stored) and card. Raises BadInput naming file and problem."""
        from safetensors.torch import load_file

        beside, source = path.with_suffix(".json"), self.source
        card = read_json(beside, f"; it is the card of the weights; {source}")
        for key, wanted in self.marks.items():
            found = card.get(key) if isinstance(card, dict) else None
            if found != wanted:
                raise BadInput(beside, key, f"is {found!r}; expected {wanted!r}; {source}")
        _check_sizes(beside, card)
        with reading(path, end=f": truncated, or no safetensors; {source}"):
            return load_file(path), card

    def load(self, path: Path, build: Callable[[dict[str, Any]], Module]) -> tuple[Any, dict[str, Any]]:
        """The network that ``build`` creates from the card, frozen, in evaluation mode (float32, CPU), and the card."""
        stored, card = self.read(path)
        beside = path.with_suffix(".json")
        try:
            network = build(card)
        except KeyError as error:
            problem = f"missing from the card, or unknown; {self.source}"
            raise BadInput(beside, str(error.args[0]), problem) from error
        except (TypeError, ValueError, RuntimeError, AttributeError) as error:
            why = str(error).splitlines()[0]
            raise BadInput(beside, "network", f"does not describe such a network ({why}); {self.source}") from error
        state = {key: value.float() for key, value in stored.items()}
        expected = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
        compare(path, state, expected, self.source)
        network.load_state_dict(state, strict=False)
        return network.eval().requires_grad_(False), card

    def write(self, path: Path, state: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
        """Write weights unchanged, and the card with its marks; each file is replaced atomically."""
        from safetensors.torch import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        save_file({key: value.detach().contiguous() for key, value in state.items()}, temporary)
        temporary.chmod(0o644)  # safetensors creates private files
        os.replace(temporary, path)
        temporary.write_text(json.dumps({**self.marks, **card}, indent=1) + "\n")
        os.replace(temporary, path.with_suffix(".json"))


def listed(keys: list[str]) -> str:
    """The first few keys, and the number of others."""
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def compare(path: Path, state: Mapping[str, Any], expected: Mapping[str, Tensor], source: str) -> None:
    """Raise BadInput naming missing keys, unexpected keys and wrong shapes, or weights that are not finite."""
    from torch import Tensor, isfinite

    missing = [k for k in expected if k not in state]
    surplus = [str(k) for k in state if k not in expected]
    shared = [k for k in expected if k in state]
    no_tensors = [k for k in shared if not isinstance(state[k], Tensor)]
    shapes = [
        f"{k} is {list(state[k].shape)}, expected {list(expected[k].shape)}"
        for k in shared
        if k not in no_tensors and state[k].shape != expected[k].shape
    ]
    found = {"missing keys": missing, "unexpected keys": surplus, "not tensors": no_tensors, "wrong shapes": shapes}
    problems = [f"{what} ({len(keys)}): {listed(keys)}" for what, keys in found.items() if keys]
    if problems:
        raise BadInput(path, "network", f"weights do not match the network: {'; '.join(problems)}; {source}")
    broken = [k for k in shared if not isfinite(state[k]).all()]
    if broken:
        raise BadInput(path, "network", f"weights are not finite ({len(broken)}): {listed(broken)}; {source}")
