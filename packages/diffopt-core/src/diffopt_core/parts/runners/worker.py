"""A worker process of runner ``local``: ``python -m diffopt_core.parts.runners.worker``.

Reads jobs as JSON lines from standard input and answers each with one line on standard output. Whatever a job prints
goes to standard error. It ends with its parent: when standard input closes, it stops even during a job, so that no
worker writes to a grid whose process was killed.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any

from ...common.jobs import perform


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    while True:
        job = jobs.get()
        try:
            answer = json.dumps(perform(job["call"], job["data"]))
        except (TypeError, ValueError) as error:
            answer = json.dumps({"error": f"the job returned a value that is not JSON data ({error})"})
        answers.write(answer + "\n")
        answers.flush()


def _listen(jobs: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    main()
