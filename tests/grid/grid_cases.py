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
    """A runner in this process. ``lose``: names of jobs (by what is in them) that are lost, so many times each."""

    workers = 1

    def __init__(self, lose: dict[str, int] | None = None):
        self.lose, self.done = dict(lose or {}), []

    def run(self, jobs):
        for job in jobs:
            self.done.append(job)
            word = next((word for word, times in self.lose.items() if word in job.name and times > 0), None)
            if word:
                self.lose[word] -= 1
                yield JobEnd(job, error="its worker was killed by signal 9", lost=True)
            else:
                yield JobEnd(job, **perform(job.call, job.data))
