"""The contract that every prior keeps: shapes, gradients, batch equals alone, nothing waits for the device."""

from diffopt_core.host.testing import PriorContract


class TestCalm(PriorContract):
    name = "calm"
