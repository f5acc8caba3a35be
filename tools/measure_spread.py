"""Measure how far held-out motion lies from what a denoiser makes of it, and write it into the card of the weights.

    uv run python tools/measure_spread.py mdm_open.safetensors SHARD.npz [SHARD.npz …]

The shards must hold nobody that the weights were trained on. Only ``spread`` of the .json card beside the weights is
written (see ``diffopt_priors/mdm/spread.py``); ``prior.weighting = "likelihood"`` reads it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from diffopt_priors.mdm import weights
from diffopt_priors.train.mdm.calibrate import spread_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("shards", type=Path, nargs="+")
    args = parser.parse_args()
    denoiser, card = weights.load(args.weights)
    card["spread"] = found = spread_of(denoiser, args.shards, card["fps"])
    args.weights.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"spread at {found['levels'][4]:g}:")
    for group, value, bound in zip(found["groups"], found["mean"][4], found["bound"][4], strict=True):
        print(f"  {group:14} mean {value:.4f}, nine in ten below {bound:.4f}")


if __name__ == "__main__":
    main()
