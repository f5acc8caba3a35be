"""Weight files that this package's camera sources need and that are not shipped."""

from __future__ import annotations

from diffopt_core.plugin import WeightFile

#: The authors publish no digest; this one is pinned by several projects that use the file.
WEIGHTS: tuple[WeightFile, ...] = (
    WeightFile(
        "droid",
        "DROID-SLAM",
        "droid.pth",
        "BSD-3-Clause",
        "https://github.com/princeton-vl/DROID-SLAM/blob/main/LICENSE",
        urls=(
            "https://drive.usercontent.google.com/download?id=1PpqVt1H4maBa_GbPJp4NwxRsd9jk-elh&export=download&confirm=t",
        ),
        sha256="46476ef64cde45a97504910d6f3de2eef7b398ec1c6e4e668815c29076024526",
        size=16_061_701,
        used_by="camera droid",
    ),
)
