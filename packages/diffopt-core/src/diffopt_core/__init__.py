"""DiffOpt: global human motion from a moving camera, under a motion diffusion prior."""

import os

# The solver runs many small tensor operations. OpenMP threads that spin between them compete with every other process
# for the cores: on a two-core machine with one core busy, a clip took 7 minutes instead of 8 seconds. This must be set
# before torch is imported; a value that the user has set is kept.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .common import moved

moved.install()
