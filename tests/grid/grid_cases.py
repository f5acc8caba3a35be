"""What the tests of grids share: few steps, and a runner that works in this very process."""

from __future__ import annotations

from diffopt_core.common.jobs import JobEnd, perform

FRAMES = 12
QUICK = (
    "prior=none",
    "representation=raw",
    "stage.warmup.all.steps=2",
    "stage.guide.rounds=1",
    "stage.finetune.all.steps=2",
)
METRICS = ("rigid_clip", "RTE")


class Here:
    """A runner in this process. ``lose``: jobs with this in what they are about are lost."""

    workers = 1

    def __init__(self, lose: str | None = None):
        self.lose, self.done = lose, []

    def run(self, jobs):
        for job in jobs:
            self.done.append(job)
            if self.lose and self.lose in job.about:
                yield JobEnd(job, error="its worker was killed by signal 9 (twice)", lost=True)
            else:
                yield JobEnd(job, **perform(job.calls, job.data))
