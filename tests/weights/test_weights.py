"""Files that are not shipped: nothing is fetched unasked, nothing stays that is not what was published."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
import types
from pathlib import Path

import pytest
from diffopt_core.cli import main
from diffopt_core.errors import BadInput, DiffOptError, MissingResource, UnknownName
from diffopt_core.host.registry import Plugin, Registry
from diffopt_core.perception.weights import copy_from, fetch, find, locate
from diffopt_core.plugin import WeightFile, hookimpl

DATA = bytes(range(256)) * 40
SHA = hashlib.sha256(DATA).hexdigest()
PAGE = b"<!DOCTYPE html><html>quota exceeded</html>"


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("DIFFOPT_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def server():
    """Serves ``DATA`` at /right, a page at /page, nothing elsewhere; notes what was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = {"/right": DATA, "/page": PAGE, "/wrong": b"other" * 100}.get(self.path)
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.asked = asked
        running.url = f"http://127.0.0.1:{running.server_port}"
        yield running
        running.shutdown()


def row(*urls: str, **changes) -> WeightFile:
    file = WeightFile("tiny", "a small file", "tiny.bin", "CC0-1.0", "https://example.org/terms", urls=urls, sha256=SHA)
    return dataclasses.replace(file, **changes)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_what_is_missing_is_answered_with_the_command_and_the_place(folder):
    with pytest.raises(MissingResource) as error:
        locate(row("http://127.0.0.1:1/x"))
    for part in ("diffopt weights get tiny", "CC0-1.0", str(folder / "tiny.bin"), "DIFFOPT_WEIGHTS"):
        assert part in str(error.value)
    assert not folder.exists()


def test_a_download_is_checked_and_found_again(folder, server):
    file = row(f"{server.url}/gone", f"{server.url}/right")
    found = fetch(file)
    assert found.path.read_bytes() == DATA and found.sha256 == SHA and found.published
    assert locate(file) == folder / "tiny.bin" and left_in(folder) == ["sha256.json", "tiny.bin"]
    assert server.asked == ["/gone", "/right"]


@pytest.mark.parametrize("was_there", [False, True])
def test_a_wrong_file_is_refused_and_removed(folder, server, was_there):
    if was_there:
        folder.mkdir()
        (folder / "tiny.bin").write_bytes(DATA)
    with pytest.raises(BadInput, match="another checksum than the published one and was removed"):
        fetch(row(f"{server.url}/wrong"))
    assert left_in(folder) == (["tiny.bin"] if was_there else [])


def test_a_page_is_no_file_even_without_a_checksum(folder, server):
    with pytest.raises(BadInput, match="is a web page"):
        fetch(row(f"{server.url}/page", sha256=None))
    assert left_in(folder) == []


def test_a_server_that_fails_is_named_with_the_way_round(folder, server):
    with pytest.raises(DiffOptError, match=r"/gone \(HTTP 404\); without a network.*--from PATH"):
        fetch(row(f"{server.url}/gone"))
    with pytest.raises(DiffOptError, match="ConnectionError"):
        fetch(row("http://127.0.0.1:1/x"))


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A client on the path that packs ``tiny@1`` with a file of this content."""

    def offer(content: bytes | None) -> None:
        box = tmp_path / "npm"
        (box / "package").mkdir(parents=True)
        (box / "package" / "other.js").write_bytes(b"x")
        if content is not None:
            (box / "package" / "tiny.bin").write_bytes(content)
        with tarfile.open(box / "tiny-1.tgz", "w:gz") as archive:
            archive.add(box / "package", "package")
        client = box / "npm"
        client.write_text(
            '#!/bin/sh\n[ "$1 $2" = "pack tiny@1" ] || { echo "not found: $2" >&2; exit 1; }\n'
            f"cp {box}/tiny-1.tgz .\n"
        )
        client.chmod(0o755)
        monkeypatch.setenv("PATH", f"{box}:/usr/bin:/bin")

    return offer


@pytest.mark.skipif(sys.platform == "win32", reason="the client is a shell script")
def test_where_no_address_is_reached_the_npm_client_is_asked(folder, server, npm, caplog):
    file = row(f"{server.url}/gone", npm="tiny@1:tiny.bin")
    npm(DATA)
    found = fetch(file)
    assert found.path.read_bytes() == DATA and found.published and left_in(folder) == ["sha256.json", "tiny.bin"]
    assert "the npm registry is asked for tiny@1" in caplog.text
    with pytest.raises(
        DiffOptError, match=r"/gone \(HTTP 404\), nor from the npm.*npm failed \(not found: tiny@2\); without"
    ):
        fetch(row(f"{server.url}/gone", npm="tiny@2:tiny.bin"))
    with pytest.raises(DiffOptError, match=r"it has no file big\.bin"):
        fetch(row(f"{server.url}/gone", npm="tiny@1:big.bin"))
    with pytest.raises(BadInput, match="another checksum"):  # reached and wrong: not asked elsewhere
        fetch(row(f"{server.url}/wrong", npm="tiny@1:tiny.bin"))


@pytest.mark.skipif(sys.platform == "win32", reason="the client is a shell script")
def test_a_wrong_file_of_the_npm_registry_is_refused(folder, server, npm, monkeypatch):
    file = row(f"{server.url}/gone", npm="tiny@1:tiny.bin")
    npm(b"another")
    with pytest.raises(BadInput, match="the published one"):
        fetch(file)
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(DiffOptError, match=r"npm is not installed; without a network.*--from PATH"):
        fetch(file)
    assert left_in(folder) == []


def test_without_a_published_checksum_the_first_use_pins_it(folder, server, caplog):
    file = row(f"{server.url}/right", sha256=None)
    found = fetch(file)
    assert not found.published and found.pinned and find(file) == found
    assert json.loads((folder / "sha256.json").read_text())["tiny.bin"]["sha256"] == SHA
    (folder / "tiny.bin").write_bytes(DATA[1:])
    with pytest.raises(BadInput, match=r"\(that of its first use\).*Remove it"):
        locate(file)
    (folder / "tiny.bin").write_bytes(DATA)
    assert locate(file) == folder / "tiny.bin"


def test_a_file_put_there_by_hand_is_checked_or_pinned_and_said(folder, caplog):
    folder.mkdir()
    (folder / "tiny.bin").write_bytes(DATA)
    assert locate(row(sha256=None, registration="https://example.org/join")) == folder / "tiny.bin"
    assert f"pinning this one: sha256 {SHA}" in caplog.text
    with pytest.raises(BadInput, match=r"expected 0000.*\(the published one\)"):
        locate(row(sha256="0" * 64))


def test_a_file_is_read_once_while_it_stays_the_same(folder, monkeypatch):
    folder.mkdir()
    (folder / "tiny.bin").write_bytes(DATA)
    file = row()
    locate(file)
    monkeypatch.setattr("diffopt_core.perception.weights.store.digest", lambda path: pytest.fail("read again"))
    locate(file)


@pytest.mark.parametrize("content", ["", "no json", "[1]", '{"tiny.bin": 3}', '{"tiny.bin": {"sha256": 5}}'])
def test_a_damaged_ledger_is_no_obstacle(folder, content):
    folder.mkdir()
    (folder / "tiny.bin").write_bytes(DATA)
    (folder / "sha256.json").write_text(content)
    assert locate(row()) == folder / "tiny.bin"


def test_a_folder_serves_in_place_of_the_net(folder, tmp_path):
    source = tmp_path / "stick"
    source.mkdir()
    with pytest.raises(BadInput, match=r"stick/tiny\.bin: file: does not exist"):
        copy_from(row(), source)
    (source / "tiny.bin").write_bytes(b"another")
    with pytest.raises(BadInput, match="the published one"):
        copy_from(row(), source)
    assert left_in(folder) == []
    (source / "tiny.bin").write_bytes(DATA)
    assert copy_from(row(registration="https://example.org/join"), source).path == folder / "tiny.bin"


def test_a_ready_folder_may_be_read_only(folder):
    folder.mkdir()
    (folder / "tiny.bin").write_bytes(DATA)
    (folder / "sha256.json").mkdir()  # cannot be replaced by a file, whoever runs the test
    assert locate(row()) == folder / "tiny.bin"
    assert not find(row(sha256=None)).pinned


def hub_model(where: Path, weights: bytes = DATA) -> None:
    where.mkdir(parents=True)
    (where / "config.json").write_text("{}")
    (where / "model.safetensors").write_bytes(weights)


HUB = {"hub": "someone/tiny", "filename": "tiny", "revision": "abc"}


def test_a_hub_model_is_a_folder_through_its_package(folder, monkeypatch):
    asked = {}

    def snapshot_download(repo, revision, local_dir, allow_patterns):
        asked.update(repo=repo, revision=revision, patterns=allow_patterns)
        hub_model(Path(local_dir), content)
        (Path(local_dir) / ".cache").mkdir()

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download))
    content = b"damaged"
    with pytest.raises(BadInput, match="the published one"):
        fetch(row(**HUB))
    assert left_in(folder) == []
    content = DATA
    assert fetch(row(**HUB)).path == folder / "tiny"
    assert (asked["repo"], asked["revision"]) == ("someone/tiny", "abc")
    assert left_in(folder / "tiny") == ["config.json", "model.safetensors"]
    assert locate(row(**HUB)) == folder / "tiny"


def test_without_the_hubs_package_the_files_are_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        MissingResource, match=r"pip install huggingface_hub, or fetch config\.json.*huggingface\.co/some"
    ):
        fetch(row(**HUB))


@pytest.mark.parametrize("inner", ["", "tiny"])
def test_a_hub_model_is_copied_whole(folder, tmp_path, inner):
    hub_model(tmp_path / "stick" / inner)
    copy_from(row(**HUB), tmp_path / "stick")
    assert left_in(folder / "tiny") == ["config.json", "model.safetensors"]


# --- the hook


def plugin(*files: WeightFile) -> types.SimpleNamespace:
    return types.SimpleNamespace(diffopt_weights=hookimpl(lambda: list(files), specname="diffopt_weights"))


def test_rows_come_from_plugins_and_a_name_belongs_to_one():
    registry = Registry()
    registry.add(plugin(row()), Plugin("one", "dist-one", "1"))
    assert registry.weight_file("tiny") == row() and registry.owner["weights", "tiny"].distribution == "dist-one"
    with pytest.raises(UnknownName, match="Did you mean 'tiny'"):
        registry.weight_file("tine")
    for other in (row(filename="x.bin"), row(name="x")):
        with pytest.raises(DiffOptError, match="already offered by dist-one"):
            registry.add(plugin(other), Plugin("two", "dist-two", "1"))
    assert list(registry.weights) == ["tiny"] and [p.name for p in registry.plugins] == ["one"]


def test_every_installed_row_can_be_acted_on():
    files = Registry.load().weights.values()
    assert {"droid", "hmr2", "pose-landmarker-heavy", "smpl-neutral", "vitpose-base-simple"} <= {f.name for f in files}
    for file in files:
        assert bool(file.urls) + bool(file.hub) + bool(file.registration) == 1, file.name
        assert file.licence and file.terms.startswith("https://") and file.used_by and file.summary
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256), file.name
        assert "/" not in file.filename


# --- the command


@pytest.fixture
def offered(tmp_path, server):
    """A plugin file that offers ``tiny`` and a file behind a registration."""
    path = tmp_path / "tiny_plugin.py"
    path.write_text(
        "from diffopt_core.plugin import WeightFile, hookimpl\n\n\n@hookimpl\ndef diffopt_weights():\n"
        f"    yield WeightFile('tiny', 'a small file', 'tiny.bin', 'CC0-1.0', 'https://example.org/terms',\n"
        f"        urls=('{server.url}/right',), sha256='{SHA}', size={len(DATA)}, then='Now use it.')\n"
        "    yield WeightFile('secret', 'a body', 'secret.pkl', 'research only', 'https://example.org/terms',\n"
        "        registration='https://example.org/join')\n"
    )
    return ["-p", str(path)]


def run(capsys, *words: str) -> tuple[int, str, str]:
    status = main(["weights", *words])
    shown = capsys.readouterr()
    return status, shown.out, " ".join(shown.err.split())


def answer(monkeypatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.mark.parametrize(
    ("text", "problem"), [("n\n", "not agreed to, nothing was downloaded"), ("", "agree with --yes")]
)
def test_terms_come_first_and_without_a_yes_nothing_is_asked_of_the_net(
    capsys, folder, server, offered, monkeypatch, text, problem
):
    answer(monkeypatch, text)
    status, out, err = run(capsys, "get", "tiny", *offered)
    assert status == 2 and problem in err and server.asked == [] and not folder.exists()
    assert "CC0-1.0" in out and "https://example.org/terms" in out and "10.2 kB" in out


@pytest.mark.parametrize(("flag", "text"), [(["--yes"], ""), ([], "y\n")])
def test_get_where_list(capsys, folder, server, offered, monkeypatch, flag, text):
    answer(monkeypatch, text)
    status, _, err = run(capsys, "where", "tiny", *offered)
    assert status == 2 and "diffopt weights get tiny" in err
    status, out, _ = run(capsys, "get", "tiny", *flag, *offered)
    assert status == 0 and f"sha256 {SHA} (as published)" in out and "Now use it." in out
    status, out, err = run(capsys, "where", "tiny", *offered)
    assert status == 0 and out.strip() == str(folder / "tiny.bin") and SHA in err
    assert run(capsys, "where")[1].strip() == str(folder)
    assert "exists already" in run(capsys, "get", "tiny", *offered)[1] and server.asked == ["/right"]
    status, out, _ = run(capsys, "list", *offered)
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert " here " in lines["tiny"] and " sign " in lines["secret"] and str(folder) in out


def test_what_needs_a_registration_is_never_fetched(capsys, folder, server, offered, tmp_path):
    status, out, err = run(capsys, "get", "secret", "--yes", *offered)
    assert status == 2 and "sign up at https://example.org/join" in err and str(folder / "secret.pkl") in err
    (tmp_path / "secret.pkl").write_bytes(DATA)
    status, out, _ = run(capsys, "get", "secret", "--yes", "--from", str(tmp_path), *offered)
    assert status == 0 and "no checksum is published; this one is pinned" in out and (folder / "secret.pkl").exists()
    assert server.asked == []


def test_an_offline_folder_that_is_not_there(capsys, folder, offered, tmp_path):
    status, _, err = run(capsys, "get", "tiny", "--yes", "--from", str(tmp_path / "nowhere"), *offered)
    assert status == 2 and "nowhere: --from: does not exist" in err


def test_listing_needs_no_torch():
    code = (
        "import sys; from diffopt_core.cli import main; status = main(['weights', 'list']);"
        "print('HEAVY', status, sorted({'torch', 'numpy', 'scipy', 'pooch', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY 0 []", done.stderr
