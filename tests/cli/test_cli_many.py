"""`diffopt run` with many inputs: what a runner does, the index, shards, and what is left after a kill."""

from __future__ import annotations

import csv
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from cli_cases import QUICK, tree
from diffopt_core.errors import BadInput, DiffOptError
from diffopt_core.results.inputs import Input, keyed

#: A runner in this process. It stops before a job whose number is in the file `stop`, as a killed driver does.
HERE = """
import pickle
from pathlib import Path
from diffopt_core.common.jobs import JobEnd, perform
from diffopt_core.config import ComponentConfig
from diffopt_core.plugin import Component, hookimpl

class Here(ComponentConfig):
    workers: int = 1

    def build(self, ctx):
        return self

    def run(self, jobs):
        for job in jobs:
            stop = Path("stop")
            if stop.is_file() and job.name.startswith(stop.read_text()):
                raise KeyboardInterrupt
            with open("jobs", "a") as log:
                log.write(job.name.partition("-")[0] + "\\n")
            end = {"value": job.data, "error": None}
            for call in job.calls:  # as if each stage ran on another machine
                end = perform((call,), pickle.loads(pickle.dumps(end["value"]))) if end["error"] is None else end
            yield JobEnd(job, **end)

@hookimpl
def diffopt_components():
    return [Component("runner", "here", f"{__name__}:Here", "in this process")]
"""


@pytest.fixture
def many(diffopt, case, arrays):
    """``many(*args)``: a run of five sound clips and a bad one, two in a job."""
    Path("here.py").write_text(HERE)
    for k in range(4):
        moved = {**arrays[0], "keypoints": arrays[0]["keypoints"] + np.float32([k + 1, 0, 0])}
        np.savez(case.parent / f"walk_{k}.npz", **moved)
    (case.parent / "cut.npz").write_bytes(case.read_bytes()[:1000])

    def run(*args, inputs=(case.parent,)):
        flags = ("-p", "here.py", "--runner", "here", "--batch", "2", "--no-report", *QUICK)
        return diffopt("run", *inputs, "--out", "out", *flags, *args)

    return run


def index() -> dict[str, dict[str, str]]:
    with open("out/index.csv") as file:
        rows = list(csv.DictReader(file))
    assert len({row["key"] for row in rows}) == len(rows)
    return {row["key"]: row for row in rows}


def jobs() -> list[str]:
    done = Path("jobs").read_text().split()
    Path("jobs").unlink()
    return done


KEYS = {"walk", "walk_0", "walk_1", "walk_2", "walk_3", "cut"}


def test_every_input_is_in_the_index_once(many):
    ran = many()
    assert ran.status == 1, ran.err
    rows = index()
    assert set(rows) == KEYS and {key for key, row in rows.items() if row["state"] == "failed"} == {"cut"}
    assert "it is a .npz file that is cut off or damaged" in rows["cut"]["reason"] and "cut.npz" in rows["cut"]["error"]
    assert "1 of 6 clips has no sound result; the others" in ran.err and rows["walk"]["frames"] == "12"
    assert all((Path("out") / key / "motion.npz").is_file() for key in KEYS - {"cut"})
    assert jobs() == ["000000", "000001", "000002"]


def test_the_same_bits_as_in_one_process(many, diffopt, case):
    many()
    assert diffopt("run", case.parent, "--out", "one", "--no-report", "--quiet", *QUICK).status == 1
    for key in KEYS - {"cut"}:
        with np.load(f"out/{key}/motion.npz") as a, np.load(f"one/{key}/motion.npz") as b:
            assert all(a[name].tobytes() == b[name].tobytes() for name in a.files), key
    with open("one/index.csv") as file:
        assert {row["key"]: row["state"] for row in csv.DictReader(file)}["cut"] == "failed"


def test_shards_are_resumed_from_the_index(many):
    """Killed before the last job: the same command does that job and what failed, and no key is there twice."""
    Path("stop").write_text("000002")
    assert many("--shards").status == 130
    assert jobs() == ["000000", "000001"]
    Path("stop").unlink()
    ran = many("--shards")
    assert ran.status == 1 and jobs() == ["000000", "000002"], "what failed is tried again, alone"
    rows, members = index(), []
    for shard in sorted(Path("out").glob("shard-*.tar")):
        with tarfile.open(shard) as tar:
            members += tar.getnames()
    assert sorted(name for name in members if name.endswith("motion.npz")) == sorted(
        f"{key}.motion.npz" for key in KEYS - {"cut"}
    )
    assert all(row["shard"] and int(row["size"]) > 0 for key, row in rows.items() if key != "cut")
    assert not any(tree(Path("out/.parts")))
    assert many("--shards").status == 1 and jobs() == ["000000"]


def test_a_result_is_read_out_of_a_shard(many, diffopt, arrays):
    from diffopt_core.results.saved import read_result

    many("--shards")
    row = index()["walk_2"]
    address = f"out/{row['shard']}#walk_2"
    assert read_result(Path(address)).clip.name == "walk_2"
    truth = Path("truth")
    truth.mkdir()
    np.savez(truth / "walk_2.npz", **arrays[1])
    scored = diffopt("eval", address, "--truth", truth, "-m", "jitter", "--json")
    assert scored.status == 0 and '"walk_2"' in scored.out, scored.err
    assert diffopt("report", address, "--no-truth").status == 0 and Path("exports/walk_2/report.html").is_file()
    assert diffopt("open", address).status == 0
    assert {"motion.npz", "run.json", "picture.png", "report.html"} <= tree(Path("runs/walk_2"))
    assert diffopt("open", address, "--out", "bare", "--no-picture", "--no-report").status == 0
    assert not {"picture.png", "report.html"} & tree(Path("bare"))
    assert "'nobody' is not in this shard" in diffopt("open", f"out/{row['shard']}#nobody").error
    shard = Path("out", row["shard"])
    for path in (Path("out"), shard):
        with pytest.raises(BadInput, match=r"shard-00000.tar#KEY"):
            read_result(path)
    assert "it is a tar archive" in diffopt("run", shard).error, "results are no input"
    shard.write_bytes(shard.read_bytes()[:3000])
    assert "shard-00000.tar: file: cannot be read" in diffopt("open", address, "--out", "cut").error


def test_other_settings_do_not_mix_in_shards(many):
    many("--shards")
    assert "holds the result of another run (other seed)" in many("--shards", "--seed", "3").error
    many("--shards", "--seed", "3", "--overwrite")
    shards = {path.name for path in Path("out").glob("shard-*.tar")}
    assert shards == {row["shard"] for row in index().values() if row["shard"]}, "what was overwritten is gone"


def test_other_settings_leave_folders_and_index_alone(many, diffopt, case):
    """Also where the first run was one process, whose index knows no digests."""
    for first in (lambda: many(), lambda: diffopt("run", case.parent, "--out", "out", "--no-report", "-q", *QUICK)):
        first()
        before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
        assert "holds the result of another run (other seed)" in many("--seed", "3").error
        assert before == {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
        many("--seed", "3", "--overwrite")
        many("--overwrite")


def test_an_index_that_was_lost_comes_back_whole(many):
    many()
    before = index()
    Path("out/index.csv").unlink()
    many()
    assert index() == before, "with frames, and why a result is doubtful"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",finished,", ",done,", "state is 'done'"),
        ("shard-00000.tar", "../x.tar", "shard is '../x.tar'"),
        (",12,", ",a dozen,", "frames is 'a dozen'"),
        ("walk_1,", "walk_0,", "key 'walk_0' is there twice"),
    ],
)
def test_a_spoilt_index_is_named_and_left(many, old, new, said):
    many("--shards")
    file = Path("out/index.csv")
    good = file.read_text()
    file.write_text(spoilt := good.replace(old, new, 1))
    error = many("--shards").error
    assert "out/index.csv: entry" in error and said in error and file.read_text() == spoilt
    file.write_bytes(b"\xef\xbb\xbf" + good.replace("\n", "\r\n").encode())  # a spreadsheet's
    assert "5 of 6 inputs are already done" in many("--shards").err


@pytest.mark.parametrize("out", ["o[u]t", "a::b", "o#ut", "o*t"])
def test_odd_folders(many, diffopt, out):
    for _ in range(2):
        assert many("--shards", "--out", out).status == 1
    assert diffopt("open", f"{out}/shard-00000.tar#walk", "--out", "taken").status == 0


def test_folders_and_shards_do_not_mix(many, case):
    many("--shards", inputs=(case.parent / "walk_0.npz",))
    many(inputs=(case.parent / "walk_1.npz",))
    assert all(row["shard"] for row in index().values()), "a smaller run goes where the others went"
    assert "out: holds results in shards; leave --folders out" in many("--folders").error


def test_odd_names(many, case):
    """Not a clip of a file; and very long ones are shortened, and a link to nowhere is told."""
    odd = case.parent.parent / "odd"
    odd.mkdir()
    for name in ("walk #1", "ü" * 120, "a#shot1"):
        (odd / f"{name}.npz").write_bytes(case.read_bytes())
    (odd / "gone.npz").symlink_to("nowhere.npz")
    (odd / "loop").symlink_to("loop")
    assert many(inputs=(odd,)).status == 1
    rows = index()
    assert rows.pop("gone")["reason"] == "file: does not exist" and rows["walk_1"]["state"] == "finished"
    assert len(rows) == 3 and {row["state"] for row in rows.values()} == {"finished"}


def test_notices_of_workers_are_counted(many, case, arrays):
    rest = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32) * 0.3
    np.savez(case, **arrays[0], rest_joints=rest)
    ran = many("--height", "1.8m", inputs=(case,))
    assert ran.status == 0, ran.err
    assert re.search(r"--height 1.8m has no effect: the file has the person's skeleton +1\s", ran.err), ran.err


def test_reasons_that_differ_in_numbers_are_one():
    from diffopt_core.common.reasons import by_reason

    told = by_reason(["keypoints: outside [0, 1]", "fps: 3 frames", "fps: 5 frames", "keypoints: outside [0, 1]"])
    assert told == [("keypoints: outside [0, 1]", 2), ("fps: N frames", 2)]


def test_failures_have_a_limit(many, case):
    for k in range(4):
        (case.parent / f"a{k}.npz").write_bytes(b"")
    ran = many("--limit-failures", "1")
    assert ran.status == 1 and "stopped: 2 clips failed, more than --limit-failures allows" in ran.err
    assert jobs() == ["000000"]
    assert sum(row["state"] == "open" for row in index().values()) == 8


def test_a_manifest_has_options_by_row(many, case):
    Path("list.csv").write_text(
        f"path,key,fps,representation.name,length\n{case},slow,10,,12\n{case},fast,60,,12\n"
        f"{case.parent}/gone.npz,gone,,,12\n"
    )
    ran = many(inputs=("list.csv",))
    assert ran.status == 1, ran.err
    rows = index()
    assert {key: row["fps"] for key, row in rows.items()} == {"slow": "10", "fast": "60", "gone": ""}
    assert rows["gone"]["reason"] == "file: does not exist"
    Path("list.csv").write_text("path,colour\nx.npz,red\n")
    assert "list.csv: colour: is no column" in many(inputs=("list.csv",)).error
    for text, said in (
        ("path,fps\nx.npz,fast\n", "list.csv: fps: is 'fast'"), ("path,length\nx.npz,0:5\n", "length: is '0:5'"),
        ("path,length\nx.npz,inf\n", "length: is 'inf'"),
        ("path,fps\nx.npz,30,5\n", "line 2: has more cells"),
        (f"path,key,prior.strenght\n{case},slow,1\n", "input 'slow' of the manifest: "),
        (f"path\n{case}\n{case}\n", f"{case} is named twice"),
        ("", "list.csv: rows: there are none"), ("path,key\n", "list.csv: rows: there are none"),
        ("path;key\nx.npz;a\n", "path: no such column among 'path;key'; columns are separated by commas"),
        ("file_path,key\nx.npz,a\n", "no such column among 'file_path', 'key'; is it 'file_path'?"),
        ("path,heigth\nx.npz,1.8\n", "heigth: is no column. Did you mean 'height'?"),
        ("path,key\n,a\n", "path: row 1 has none"),
    ):  # fmt: skip
        Path("list.csv").write_text(text)
        assert said in many(inputs=("list.csv",)).error


def test_names_that_differ_in_signs_only_have_keys_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def keys(*paths):
        for path in map(Path, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return [each.key for each in keyed([Input("", path) for path in paths])]

    plain, other = keys("d/clip_00_.npz", "d/clip 00#.npz")
    assert plain == "clip_00_" and re.fullmatch(r"clip_00__[0-9a-f]{6}", other)
    assert keys("d/clip 00+.npz", "d/clip 00#.npz", "d/clip_00_.npz")[1:] == [other, plain], "whatever else is there"
    assert len({*keys("d/walk.npz", "d/walk.mp4"), *keys("d/walk.npz")}) == 3
    deep = [f"{top}/a/b/c/d/walk.npz" for top in "xy"]
    assert len(set(keys(*deep))) == 2
    with pytest.raises(DiffOptError, match="have the key 'a'"):
        keyed([Input("a", "x.npz"), Input("a", "y.npz")])


def test_object_storage_in_and_out(many, case, arrays):
    """fsspec's own, in memory: inputs by a pattern, truth beside them, results in shards with their index."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/clips/walk.npz", case.read_bytes())
    memory.pipe("/clips/bad.npz", b"nothing")
    (case.parent / "truth").mkdir()
    np.savez(case.parent / "truth" / "walk.npz", **arrays[1])
    memory.pipe("/clips/truth/walk.npz", (case.parent / "truth" / "walk.npz").read_bytes())
    ran = many("--out", "memory://results", inputs=("memory://clips/*.npz",))
    assert ran.status == 1, ran.err
    rows = {row["key"]: row for row in csv.DictReader(memory.cat("/results/index.csv").decode().splitlines())}
    assert rows["walk"]["state"] == "finished" and rows["walk"]["input"] == "memory://clips/walk.npz"
    assert rows["bad"]["state"] == "failed"
    from diffopt_core.results.shards import Packed

    folder = Packed(f"memory://results/{rows['walk']['shard']}#walk").extract(Path("taken"))
    assert '"final"' in (folder / "run.json").read_text(), "scored against the truth beside it"
    assert "there is nothing" in many("--out", "memory://results", inputs=("memory://empty/*.npz",)).error


@pytest.fixture
def s3(monkeypatch):
    """A bucket of a server that keeps everything in memory."""
    import fsspec
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("ENDPOINT_URL", f"http://{host}:{port}"), ("ACCESS_KEY_ID", "none"), ("SECRET_ACCESS_KEY", "none"),
        ("DEFAULT_REGION", "us-east-1"),
    ):  # fmt: skip
        monkeypatch.setenv(f"AWS_{name}", value)
    fsspec.filesystem("s3").clear_instance_cache()
    fs = fsspec.filesystem("s3")
    fs.mkdir("bucket")
    yield fs
    fs.clear_instance_cache()
    server.stop()


@pytest.mark.needs("moto")
@pytest.mark.needs("s3fs")
@pytest.mark.slow
def test_a_bucket_in_and_out(many, case, s3):
    """Killed before the last job and repeated, on S3: shards, index, and nothing of the parts; read from there."""
    from diffopt_core.results.saved import read_result
    from diffopt_core.results.shards import unpacked

    s3.pipe({f"bucket/clips/{path.name}": path.read_bytes() for path in case.parent.glob("*.npz")})
    Path("stop").write_text("000002")
    assert many("--out", "s3://bucket/motion", inputs=("s3://bucket/clips",)).status == 130
    Path("stop").unlink()
    ran = many("--out", "s3://bucket/motion", inputs=("s3://bucket/clips",))
    assert ran.status == 1 and "already done" in ran.err, ran.err
    rows = {row["key"]: row for row in csv.DictReader(s3.cat("bucket/motion/index.csv").decode().splitlines())}
    assert set(rows) == KEYS and {key for key, row in rows.items() if row["state"] == "failed"} == {"cut"}
    shards = {row["shard"] for row in rows.values() if row["shard"]}
    assert {name.rpartition("/")[2] for name in s3.find("bucket/motion")} == {"index.csv", *shards}
    home = Path("s3://bucket/motion")
    assert read_result(home / f"{rows['walk']['shard']}#walk").clip.name == "walk"
    found = unpacked(home)
    assert found is not None and {path.name for path in found.iterdir()} == KEYS - {"cut"}
    changed = s3.cat("bucket/clips/walk_3.npz")
    s3.pipe("bucket/clips/walk_2.npz", changed)
    again = many("--out", "s3://bucket/motion", inputs=("s3://bucket/clips",))
    assert "walk_2: holds the result of another run (its file" in again.err
    missing = many("--out", "s3://nowhere/motion", inputs=("s3://nowhere/clips/*.npz",))
    assert missing.status == 2 and "s3://nowhere/clips/*.npz" in missing.err


#: Jobs with this clip are lost.
POISON = """            if any(each["key"] == "walk_1" for each in job.data["inputs"]):
                yield JobEnd(job, error="its worker was lost (killed by signal 11) (twice)", lost=True)
                continue
            end = {"""


def test_a_clip_that_kills_its_worker_costs_itself_alone(many):
    """Its job is lost twice, then its clips are tried one by one; the others have the bits they always have."""
    many("--out", "sound")
    Path("here.py").write_text(HERE.replace("            end = {", POISON))
    ran = many()
    assert ran.status == 1 and "its clips are tried one by one" in ran.err
    rows = index()
    assert {key for key, row in rows.items() if row["state"] == "failed"} == {"cut", "walk_1"}
    assert rows["walk_1"]["reason"] == "its worker was lost (killed by signal 11)"
    assert rows["walk_1"]["error"] == "its worker was lost (killed by signal 11) (twice)"
    for key in KEYS - {"cut", "walk_1"}:
        assert Path("out", key, "motion.npz").read_bytes() == Path("sound", key, "motion.npz").read_bytes()


def test_shards_may_grow(many, case, arrays):
    """More inputs, fewer, and other batches: what is there stays, and what is new is solved alone."""
    one = case.parent / "walk_0.npz"
    assert many("--shards", inputs=(one,)).status == 0
    assert many("--shards").status == 1 and set(index()) == KEYS
    Path("jobs").unlink()
    assert many("--shards", "--batch", "3", inputs=(one, case)).status == 0 and not Path("jobs").exists()
    assert set(index()) == KEYS
    names = []
    for shard in Path("out").glob("shard-*.tar"):
        with tarfile.open(shard) as tar:
            names += tar.getnames()
    assert len(names) == len(set(names)) == 4 * (len(KEYS) - 1)


def test_a_batch_is_solved_whole_where_it_decides_the_bits(case, arrays, tmp_path):
    """As on a GPU: what is missing of a job is solved with the others, and it alone is kept."""
    from diffopt_core.host.choice import Choice
    from diffopt_core.host.registry import Registry
    from diffopt_core.results.inputs import inputs_of
    from diffopt_core.results.many import Ask, job_data, perceive, planned, solve, write

    np.savez(case.parent / "walk_0.npz", **arrays[0])
    steps = (("stage.warmup.all.steps", 3), ("stage.guide.rounds", 2), ("stage.finetune.all.steps", 3))
    choice = Choice(recipe="paper", roles=(("prior", "none"), ("representation", "raw")), settings=steps)
    registry = Registry.load()
    ask = Ask(choice, str(tmp_path / "out"), device="cpu", shards=True)
    (whole,) = planned(inputs_of([str(case.parent)], registry, choice.resolve(registry)), [ask], 8, "cpu")
    part = whole.only(frozenset({"walk_0"}), whole=True)
    assert (
        len(part.inputs) == 2 and part.part != whole.part and len(whole.only(frozenset({"walk_0"}), False).inputs) == 1
    )
    solved = solve(perceive(job_data(part)))
    assert [len(results) for _, results, _ in solved.solved] == [2]
    assert [row["key"] for row in write(solved)["rows"]] == ["walk_0"]
    with tarfile.open(tmp_path / "out" / ".parts" / f"{part.part}.tar") as tar:
        assert {name.partition(".")[0] for name in tar.getnames()} == {"walk_0"}
