"""Many inputs, some bad, with a worker, a node and the driver killed: is every result there once, with the same bits?

    python tools/drill.py --clips 60 --bad 4 --runner ray        # also local; --poison N, --store s3 (moto, s3fs)

Clips of 10 to 12 frames, with few steps. First one worker process solves them all, unharmed. Then the runner does, with
two workers (for ray: two nodes of one core, on this machine): a worker is killed, then a node (ray), then the driver,
and the same command is given once more. ``--poison``: clips whose reader ends its process. With ``--store s3`` inputs
and results of the second run lie in a bucket of a server that is none. The status is 1 if anything differs.
"""

from __future__ import annotations

import argparse
import csv
import io
import logging
import os
import resource
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from diffopt_core.parts.demo_motion import demo_case

DIFFOPT = [sys.executable, "-c", "import sys; from diffopt_core.cli import main; sys.exit(main())"]
QUICK = [
    *("--recipe", "paper", "--prior", "none", "--repr", "raw", "--set", "stage.warmup.all.steps=3"),
    *("--set", "stage.guide.rounds=2", "--set", "stage.finetune.all.steps=3"),
]
#: A dataset whose reader ends its process, as a fault in a library does.
POISON = """
import os, signal
from diffopt_core.config import ComponentConfig
from diffopt_core.plugin import Component, hookimpl

class Poison(ComponentConfig):
    def build(self, ctx):
        return self

    def accepts(self, path):
        return path.suffix == ".poison"

    def load(self, path):
        os.kill(os.getpid(), signal.SIGSEGV)

@hookimpl
def diffopt_components():
    return [Component("dataset", "poison", f"{__name__}:Poison", "kills its process")]
"""
#: Shares of the jobs after which a worker, a node and the driver are killed.
WORKER, NODE, DRIVER = 0.15, 0.35, 0.6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--bad", type=int, default=4)
    parser.add_argument("--poison", type=int, default=0)
    parser.add_argument("--runner", choices=("local", "ray"), default="local")
    parser.add_argument("--store", choices=("folder", "s3"), default="folder")
    args = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with tempfile.TemporaryDirectory(prefix="drill-") as temporary:
        os.chdir(temporary)
        Path("poison.py").write_text(POISON)
        inputs(Path("in"), args.clips, args.bad, args.poison)
        reference = spent(lambda: run("in", "one", "local", 1, [], wait=True))
        print(f"one worker: {reference:.0f} CPU s")
        source, out = stored(args.store)
        with Harm(args.runner, out, -(-args.clips // 8)) as harm:
            first = run(source, out, args.runner, 2, harm.flags)
            harm.do(first)
            status = run(source, out, args.runner, 2, harm.flags, wait=True).returncode
        raise SystemExit(compared(out, args.clips, args.bad + args.poison, status))


def inputs(folder: Path, count: int, bad: int, poison: int) -> None:
    """``count`` cases, of which the last ``bad`` cannot be used and ``poison`` before them kill."""
    folder.mkdir()
    case, _ = demo_case(0)
    good = count - bad - poison
    for k in range(good):
        short = {key: value[: 10 + k % 3] if np.ndim(value) and len(value) == 100 else value
                 for key, value in case.items()}  # fmt: skip
        np.savez(
            folder / f"walk_{k:04d}.npz", **short | {"keypoints": short["keypoints"] + np.float32([k * 0.05, 0, 0])}
        )
    whole = (folder / "walk_0000.npz").read_bytes()
    for k in range(poison):
        (folder / f"dies_{k}.poison").write_bytes(whole)
    for k in range(bad):
        path = folder / f"bad_{k}.npz"
        path.write_bytes((whole[: 500 + k], b"")[k % 2])
        if k % 3 == 2:
            np.savez(path, **{**case, "keypoints": case["keypoints"] * np.nan})


def run(source: str, out: str, runner: str, workers: int, flags: list[str], wait: bool = False) -> Any:
    command = [*DIFFOPT, "run", source, "--out", out, "-p", "poison.py", "--shards", "--no-report", "--no-picture",
               "--runner", runner, "--workers", str(workers), *flags, *QUICK]  # fmt: skip
    with open("log", "a") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    if wait:
        process.wait()
    return process


def spent(call: Any) -> float:
    """CPU seconds of the processes that it waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    call()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stored(store: str) -> tuple[str, str]:
    """Where the inputs are, and where results go."""
    if store == "folder":
        return "in", "many"
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "none",
                   "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}  # fmt: skip
    fs = fsspec.filesystem("s3")
    fs.mkdir("drill")
    fs.put("in", "drill/in", recursive=True)
    return "s3://drill/in", "s3://drill/many"


class Harm:
    """What is killed while a run works. For ray it has a cluster of two nodes."""

    def __init__(self, runner: str, out: str, jobs: int):
        self._out, self._jobs = out, jobs
        self._cluster: Any = None
        self.flags: list[str] = []
        if runner == "ray":
            import diffopt_runners  # noqa: F401 (before Ray: how its workers start under `uv run`)
            from ray.cluster_utils import Cluster

            self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
            self._nodes = [self._cluster.add_node(num_cpus=1) for _ in range(2)]
            self.flags = ["--address", self._cluster.address]

    def __enter__(self) -> Harm:
        return self

    def __exit__(self, *_: object) -> None:
        if self._cluster is not None:
            self._cluster.shutdown()

    def do(self, driver: subprocess.Popen) -> None:
        self._wait(WORKER, driver)
        victims = self._workers(driver)
        if victims:
            os.kill(victims[0], signal.SIGKILL)
            print(f"killed worker {victims[0]} after {self._done()} jobs")
        if self._cluster is not None:
            self._wait(NODE, driver)
            self._cluster.remove_node(self._nodes[1], allow_graceful=False)
            print(f"killed a node after {self._done()} jobs; another joins")
            self._cluster.add_node(num_cpus=1)
        self._wait(DRIVER, driver)
        driver.kill()
        driver.wait()
        print(f"killed the driver after {self._done()} jobs")

    def _workers(self, driver: subprocess.Popen) -> list[int]:
        parents = {driver.pid} if self._cluster is None else {
            info.process.pid for node in self._nodes for infos in node.all_processes.values() for info in infos
        }  # fmt: skip
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                name = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if parent in parents and (b"MapWorker" in name or b"runners" in name):
                found.append(int(entry.name))
        return found

    def _done(self) -> int:
        fs, path = fsspec.core.url_to_fs(f"{self._out}/.parts")
        fs.invalidate_cache()
        return sum(str(name).endswith(".csv") for name in fs.ls(path, detail=False)) if fs.exists(path) else 0

    def _wait(self, share: float, driver: subprocess.Popen) -> None:
        while self._done() < share * self._jobs:
            if driver.poll() is not None:
                raise SystemExit(f"the run ended before it was killed:\n{Path('log').read_text()[-3000:]}")
            time.sleep(0.3)


def compared(out: str, clips: int, bad: int, status: int) -> int:
    """Print what the runs gave; 0 if all is as it should be."""
    many, one = motions(out), motions("one")
    with fsspec.open(f"{out}/index.csv", "r") as file:
        rows = list(csv.DictReader(file))
    same = sum(many.get(key) == value for key, value in one.items())
    reasons = Counter(row["reason"] for row in rows if row["state"] == "failed")
    keys = len({row["key"] for row in rows})
    print(f"status {status}; index: {len(rows)} lines, {keys} keys, {dict(Counter(row['state'] for row in rows))}")
    print(f"results: {len(many)}, identical to one worker's: {same} of {len(one)}")
    for reason, count in reasons.most_common():
        print(f"  {count} x {reason}")
    for line in Path("log").read_text().splitlines():
        if "done again" in line or "one by one" in line:
            print(f"  {line[:160]}")
    right = len(rows) == keys == clips and len(many) == same == len(one) == clips - bad and sum(reasons.values()) == bad
    print("as it should be" if right else "NOT as it should be")
    return int(not right)


def motions(out: str) -> dict[str, bytes]:
    """Key -> the motion's bytes, of all shards; a key that is there twice is an error."""
    fs, path = fsspec.core.url_to_fs(out)
    found: dict[str, bytes] = {}
    for shard in fs.glob(f"{path}/shard-*.tar"):
        with tarfile.open(fileobj=io.BytesIO(fs.cat_file(shard))) as tar:
            for member in tar:
                if member.name.endswith(".motion.npz"):
                    key = member.name.partition(".")[0]
                    if key in found:
                        raise SystemExit(f"{key} is there twice")
                    arrays = np.load(io.BytesIO(tar.extractfile(member).read()))  # type: ignore[union-attr]
                    found[key] = b"".join(arrays[name].tobytes() for name in sorted(arrays.files))
    return found


if __name__ == "__main__":
    main()
