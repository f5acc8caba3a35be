"""Names of environments, and what uv is asked to do; uv itself is played by a script, but for one test."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from diffopt_core.errors import MissingResource
from diffopt_core.perception.foreign import Needs, find_interpreter, run_script
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are shell scripts")
NEEDS = Needs("tool", ("numpy>=1",), no_deps=("odd==1",), modules=("numpy",), how="pip install odd", size="about 9 MB")

#: Plays uv: notes its arguments, and makes the environment's Python out of this one.
STAND_IN = """#!/bin/sh
echo "$@" >> "{log}"
{extra}
if [ "$1" = venv ]; then
  for last; do case "$last" in */environments/*) folder="$last";; esac; done
  mkdir -p "$folder/bin"
  printf '#!/bin/sh\\nexec {python} "$@"\\n' > "$folder/bin/python"
  chmod +x "$folder/bin/python"
fi
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def uv(tmp_path, monkeypatch):
    """A stand-in for uv on the path; returns what it was asked so far."""
    log = tmp_path / "asked.txt"

    def make(extra: str = ""):
        program(tmp_path / "bin" / "uv", STAND_IN.format(log=log, python=sys.executable, extra=extra))
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        return lambda: log.read_text().splitlines() if log.exists() else []

    return make


def test_uv_builds_once_and_says_what(uv, caplog, cache):
    asked = uv()
    with caplog.at_level(logging.WARNING):
        python = find_interpreter("uv", NEEDS)
    assert "numpy>=1, odd==1" in caplog.text and "about 9 MB" in caplog.text
    assert [line.split()[0] for line in asked()] == ["venv", "pip", "pip"]
    assert "--no-deps odd==1" in asked()[2] and "odd" not in asked()[1]
    assert python.is_relative_to(cache / "environments")
    assert find_interpreter("uv", NEEDS) == python and len(asked()) == 3


def test_another_list_of_packages_is_another_environment(uv):
    uv()
    other = Needs("tool", ("numpy>=2",), no_deps=("odd==1",))
    assert find_interpreter("uv", NEEDS) != find_interpreter("uv", other)


def test_a_build_that_was_cut_short_is_done_again(uv, cache):
    asked = uv()
    python = find_interpreter("uv", NEEDS)
    (python.parents[1] / "ready.json").unlink()
    (python.parents[1] / "half").write_text("")
    assert find_interpreter("uv", NEEDS) == python
    assert len(asked()) == 6 and not (python.parents[1] / "half").exists()
    assert json.loads((python.parents[1] / "ready.json").read_text())["packages"] == ["numpy>=1", "odd==1"]


def test_two_runs_build_once(uv):
    asked = uv("sleep 0.2")
    threads = [threading.Thread(target=find_interpreter, args=("uv", NEEDS)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked()) == 3


def test_uvs_error_becomes_one_line(uv):
    uv("echo 'error: No solution found' >&2; echo '  cause: odd was not found' >&2; echo 'hint: x' >&2; exit 1")
    with pytest.raises(MissingResource) as caught:
        find_interpreter("uv", NEEDS)
    text = str(caught.value)
    assert "No solution found: odd was not found" in text and "UV_FIND_LINKS" in text and "pip install odd" in text
    assert "\n" not in text


def test_uv_keeps_its_variables_and_the_script_runs_there(uv, monkeypatch, tmp_path, script):
    uv(f'echo "$UV_FIND_LINKS [$VIRTUAL_ENV]" > {tmp_path}/links')
    monkeypatch.setenv("UV_FIND_LINKS", "/some/wheels")
    monkeypatch.setenv("VIRTUAL_ENV", "/ours")
    monkeypatch.setenv("PYTHONPATH", "/ours/too")
    out = run_script("uv", NEEDS, script("from diffopt_frames import save\nimport sys\nsave(path=sys.path)"), {})
    assert (tmp_path / "links").read_text().strip() == "/some/wheels []"
    assert "/ours/too" not in list(out["path"])


def test_without_uv_the_user_learns_where_to_get_it(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "uv", None)
    with pytest.raises(MissingResource, match=r"pip install uv.*--env PATH"):
        find_interpreter("uv", NEEDS)


def test_python_that_fits_is_asked_for(uv):
    asked = uv()
    running = "{}.{}".format(*sys.version_info[:2])
    find_interpreter("uv", Needs("a", python=f"3.8-{running}"))
    find_interpreter("uv", Needs("b", python="3.8"))
    assert f"--python {sys.executable}" in asked()[0] and "--python >=3.8,<3.9" in asked()[1]


@settings(deadline=None)
@given(st.integers(6, 20), st.integers(0, 5), st.integers(5, 25))
def test_ranges_of_python(low: int, more: int, minor: int):
    needs = Needs("x", python=f"3.{low}-3.{low + more}")
    assert needs.fits((3, minor)) == (low <= minor <= low + more)
    assert needs.python_request() == f">=3.{low},<3.{low + more + 1}"
    assert Needs("x", python=f"3.{low}").fits((3, minor)) == (low == minor)


def test_a_folder_or_an_executable(tmp_path):
    program(tmp_path / "venv" / "bin" / "python", "#!/bin/sh\n")
    assert find_interpreter(str(tmp_path / "venv"), NEEDS) == tmp_path / "venv/bin/python"
    assert find_interpreter(str(tmp_path / "venv/bin/python"), NEEDS) == tmp_path / "venv/bin/python"
    assert find_interpreter("here", NEEDS) == Path(sys.executable)


@pytest.mark.parametrize("env", ["nowhere", "conda:nothing-of-that-name"])
def test_an_environment_that_is_not_there(env, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(MissingResource, match=env.partition(":")[2] or env):
        find_interpreter(env, NEEDS)


def test_a_folder_without_python_and_a_file_that_is_no_program(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("")
    for env in ("empty", "text"):
        with pytest.raises(MissingResource, match="expected uv, here"):
            find_interpreter(str(tmp_path / env), NEEDS)


def test_conda_by_name(tmp_path, monkeypatch):
    python = program(tmp_path / "envs" / "hmr" / "bin" / "python", "#!/bin/sh\n")
    says = json.dumps({"envs": [str(tmp_path), str(tmp_path / "envs/hmr")]})
    monkeypatch.setenv("CONDA_EXE", str(program(tmp_path / "conda", f"#!/bin/sh\necho '{says}'\n")))
    assert find_interpreter("conda:hmr", NEEDS) == python


def test_uv_for_real(script):
    """An environment without packages: needs no network."""
    if not shutil.which("uv") or subprocess.run(["uv", "--version"], capture_output=True).returncode:
        pytest.skip("uv is not installed")
    text = "import sys\nfrom diffopt_frames import job\nopen(job()['to'], 'w').write(sys.prefix)\n"
    target = script(text).with_name("prefix.txt")
    with pytest.raises(Exception, match="without a result"):  # NumPy, which `save` needs, is not in there
        run_script("uv", Needs("bare"), script(text), {"to": str(target)})
    assert "environments/bare-" in target.read_text()
