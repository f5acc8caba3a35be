"""The 263 channels of a HumanML3D frame: names of the blocks, no tensors.

Guo et al. 2022, "Generating Diverse and Natural 3D Human Motions from Text", section 5.
"""

from __future__ import annotations

from diffopt_core.data.skeleton import JOINT

DIM = 263
#: SMPL without the two hand joints.
NUM_FEATURE_JOINTS = 22

YAW_RATE = slice(0, 1)
ROOT_VELOCITY = slice(1, 3)
ROOT_HEIGHT = slice(3, 4)
POSITIONS = slice(4, 67)
ROTATIONS = slice(67, 193)
VELOCITIES = slice(193, 259)
CONTACTS = slice(259, 263)

#: Channels of the contact block, in order.
CONTACT_JOINTS = (JOINT["left_ankle"], JOINT["left_foot"], JOINT["right_ankle"], JOINT["right_foot"])

#: Channels that hold the horizontal path: root velocity (twice: its own block and joint 0 of the
#: velocity block) and the contacts, which are functions of it.
TRAJECTORY = (1, 2, 193, 195, 259, 260, 261, 262)

#: Blocks whose standard deviation is averaged (the embedded form; joint 0's horizontal velocity
#: belongs to the root, not to the joints).
STD_BLOCKS: tuple[tuple[int, ...], ...] = (
    (0,),
    (1, 2, 193, 195),
    (3,),
    tuple(range(4, 67)),
    tuple(range(67, 193)),
    (194, *range(196, 259)),
    tuple(range(259, 263)),
)
