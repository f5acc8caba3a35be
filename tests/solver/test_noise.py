"""Every clip has a stream of its own."""

from __future__ import annotations

import torch
from diffopt_core.data.noise import StreamNoise

CPU = torch.device("cpu")


def test_a_clip_sees_the_same_numbers_alone_and_in_a_batch():
    batch, alone = StreamNoise([3, 7, 9], CPU), StreamNoise([7], CPU)
    for shape in ((4,), (2, 5), ()):
        torch.testing.assert_close(batch.normal(shape)[1], alone.normal(shape)[0])
        torch.testing.assert_close(batch.uniform(shape)[1], alone.uniform(shape)[0])


def test_streams_differ_between_clips_and_between_calls():
    noise = StreamNoise([1, 2], CPU)
    first, second = noise.normal((100,)), noise.normal((100,))
    assert not torch.equal(first[0], first[1]) and not torch.equal(first, second)


def test_a_stage_begins_at_the_same_point_whatever_ran_before():
    noise = StreamNoise([5], CPU)
    noise.restart(2)
    wanted = noise.normal((8,))
    noise.restart(1)
    assert not torch.equal(noise.normal((8,)), wanted)
    noise.restart(2)
    assert torch.equal(noise.normal((8,)), wanted)


def test_numbers_are_standard():
    noise = StreamNoise([0], CPU)
    assert abs(float(noise.normal((20_000,)).std()) - 1) < 0.02
    uniform = noise.uniform((20_000,))
    assert float(uniform.min()) >= 0 and float(uniform.max()) < 1 and abs(float(uniform.mean()) - 0.5) < 0.02
