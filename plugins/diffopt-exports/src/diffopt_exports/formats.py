"""Names of the formats."""

#: In the order in which ``diffopt export`` names them.
FORMATS = ("glb", "bvh", "amass", "usd", "csv", "trc", "fbx")
