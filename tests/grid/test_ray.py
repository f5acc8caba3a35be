"""Runner ``ray`` on a cluster of two nodes: stages; a worker, a node and a driver that are killed; how connecting
fails."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from diffopt_core.common.jobs import Job
from diffopt_core.errors import MissingResource
from diffopt_core.host.registry import Registry

pytestmark = [pytest.mark.needs("ray"), pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster():
    """A head without cores for work, and two nodes: one with a core, one with another and a GPU that is none."""
    import diffopt_runners  # noqa: F401 (before Ray: how its workers start under `uv run`)
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "env_vars": PATHS})
    made.add_node(num_cpus=1, env_vars=PATHS)
    made.node = made.add_node(num_cpus=1, num_gpus=1, env_vars=PATHS)
    ray.init(address=made.address, logging_level="ERROR", log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()


#: Nodes find the functions of this folder.
PATHS = {"PYTHONPATH": str(Path(__file__).parent)}


def runner(**options):
    ctx = Registry.load().context(torch.device("cpu"))
    return ctx.build("runner", "ray", {"workers": 2, **options})


def jobs(*calls: str, count: int = 4, **data) -> list[Job]:
    return [Job(f"job {k}", tuple(f"grid_calls:{call}" for call in calls), {"value": k, **data}, f"clip {k}")
            for k in range(count)]  # fmt: skip


def values(ends) -> dict[str, object]:
    told = {}
    for end in ends:
        assert end.job.name not in told and end.error is None, end.error
        told[end.job.name] = end.value
    return told


def test_stages_have_processes_of_their_own_beside_a_gpu(cluster):
    found = values(runner(gpus=1.0, cpus=0.5).run(jobs("where", "where", "where")))
    assert len(found) == 4
    for told in found.values():
        assert len(set(told["processes"])) == 3


def test_two_nodes_work_at_once_and_a_worker_does_all_stages(cluster, tmp_path):
    """Each of the first two jobs waits until the other has begun."""
    found = values(runner().run(jobs("meet", "where", "where", folder=str(tmp_path))))
    assert len({told["node"] for told in found.values()}) == 2
    assert all(len(set(told["processes"])) == 1 for told in found.values())


def test_a_killed_worker_costs_its_job_once_more(cluster, tmp_path, caplog, capsys):
    with caplog.at_level(logging.WARNING):
        found = values(runner().run(jobs("die_once", folder=str(tmp_path))))
    assert {told["value"] for told in found.values()} == {0, 1, 2, 3}
    assert any("clip 2: its worker was lost: worker" in record.getMessage() for record in caplog.records)
    assert capsys.readouterr().out == "", "Ray's own lines do not mix with an answer"


def test_a_killed_node_costs_its_jobs_once_more(cluster, tmp_path, caplog):
    """While both work, one dies; the other takes over, and one that joins helps."""
    ends = runner().run(jobs("wait_for", folder=str(tmp_path)))
    for k in range(2):
        (tmp_path / f"go {k}").touch()
    first = next(ends)
    cluster.remove_node(cluster.node, allow_graceful=False)
    cluster.node = cluster.add_node(num_cpus=1, num_gpus=1, env_vars=PATHS)
    for k in range(4):
        (tmp_path / f"go {k}").touch()
    assert {first.job.name, *values(ends)} == {f"job {k}" for k in range(4)}


DRIVER = """
import sys
from types import SimpleNamespace
import torch
from test_ray import jobs
from diffopt_runners.plugin import RayConfig
ctx = SimpleNamespace(device=SimpleNamespace(type="cpu"))
runner = RayConfig(address=sys.argv[1], workers=2).build(ctx)
print([end.job.name for end in runner.run(jobs("wait_for", folder=sys.argv[2]))])
"""


def test_a_killed_driver_leaves_no_worker_behind(cluster, tmp_path):
    """What it began ends with it: the same command finds the cores free."""
    one = [sys.executable, "-c", DRIVER, cluster.address, str(tmp_path)]
    driver = subprocess.Popen(one, env={**os.environ, **PATHS})
    mark = tmp_path / "here"
    while driver.poll() is None and not mark.exists():
        time.sleep(0.1)
    driver.kill()
    driver.wait()
    (tmp_path / "go 0").touch()
    (tmp_path / "go 1").touch()
    found = values(runner().run(jobs("where")))
    assert len(found) == 4
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_a_closed_port_is_told_at_once():
    from diffopt_runners.connect import _reach

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(MissingResource, match=f"nothing listens at {address}"):
        _reach(address)
    with pytest.raises(MissingResource, match="expected HOST:PORT or auto"):
        _reach("somewhere")


def test_a_refused_token_is_told_as_that():
    from diffopt_runners.connect import _told

    assert "RAY_AUTH_TOKEN" in str(_told("head:6379", "Invalid or missing authentication token"))
    assert "no cluster answers at head:6379 (gone)" in str(_told("head:6379", "\ngone\n"))
