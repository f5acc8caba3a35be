"""Measure how far held-out motion lies from what a denoiser makes of it, and write it into the card of the weights.

    uv run python tools/measure_spread.py mdm_open.safetensors SHARD.npz [SHARD.npz …]

The shards must hold nobody that the weights were trained on. Only ``spread`` of the .json card beside the weights is
written (see ``diffopt_priors/mdm/spread.py``); ``prior.weighting = "likelihood"`` reads it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from diffopt_core.train import windows
from diffopt_core.train.shards import read
from diffopt_priors.mdm import spread, weights
from diffopt_priors.mdm.features import embed

_FRAMES = 58  # of the windows of a clip of 100 frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("shards", type=Path, nargs="+")
    args = parser.parse_args()
    denoiser, card = weights.load(args.weights)
    pose, root = windows.cut(read(args.shards), _FRAMES + 1)
    x = denoiser.normalise(embed(pose, root, denoiser.offsets, card["fps"]))
    found = spread.measure(denoiser, x)
    rounded = {k: [[round(v, 6) for v in row] for row in found[k]] for k in ("mean", "bound")}
    card["spread"] = {"measured_on": [path.name for path in args.shards], **found, **rounded}
    args.weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"{len(x)} windows; spread at {spread.LEVELS[4]:g}:")
    for group, value, bound in zip(spread.GROUPS, found["mean"][4], found["bound"][4], strict=True):
        print(f"  {group:14} mean {value:.4f}, nine in ten below {bound:.4f}")


if __name__ == "__main__":
    main()
