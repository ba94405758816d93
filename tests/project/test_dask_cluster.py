"""Stages on a Dask cluster, a real one of two worker processes: the same bytes as with loky."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ser.audio import clip_io as audio
from ser.data.clips import clips_table
from ser.data.ravdess import SAMPLE_RATE, ManifestEntry, clip_path
from ser.data.synthetic import synthesize
from ser.files import write_parquet
from ser.params import Workers
from tools.demo import environment

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

PROJECT = Path(__file__).parents[2]
SPOKEN = ("03-01-01-01-01-01-24", "03-01-05-02-02-01-07", "03-01-08-01-01-02-07")
STAGES = ("augment speed_pitch", "extract clean", "extract speed_pitch")


def make_project(folder: Path, *, backend: str) -> Path:
    """A folder as ingest leaves it, with a few recordings."""
    manifest = {}
    for name in SPOKEN:
        samples = synthesize(name)
        path = clip_path(folder / "data/raw", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(path, samples, sample_rate=SAMPLE_RATE)
        manifest[name] = ManifestEntry(frames=len(samples), sha256=audio.sha256_of(samples))
    clips = clips_table(folder / "data/raw", manifest, workers=Workers(backend="loky", jobs=1))
    # Relative to where a stage runs, which is where the workers run as well.
    clips["path"] = [clip_path("data/raw", name).as_posix() for name in clips["clip"]]
    write_parquet(folder / "data/clips.parquet", clips)
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["workers"] = {"backend": backend, "jobs": 2}
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def run_stage(folder: Path, stage: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *f"stages.{stage}".split()],
        cwd=folder,
        env=environment(folder) | {"PYTHONPATH": str(PROJECT)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(folder: Path) -> dict[str, bytes]:
    files = (path for name in ("augmented", "features") for path in (folder / "data" / name).rglob("*"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture
def on_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A project, and the address of a cluster whose workers run in it."""
    folder = tmp_path / "dask"
    make_project(folder, backend="dask")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    with distributed.LocalCluster(
        n_workers=2, processes=True, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        yield folder, cluster.scheduler_address


def tasks_seen(address: str) -> int:
    """How many changes of a task's state the scheduler has made."""
    with distributed.Client(address, set_as_default=False) as client:
        return int(client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.transition_counter))


def test_stages_on_a_cluster_write_the_bytes_of_worker_processes(
    tmp_path: Path, on_cluster: tuple[Path, str]
) -> None:
    folder, address = on_cluster
    processes = make_project(tmp_path / "loky", backend="loky")
    for stage in STAGES:
        before = tasks_seen(address)
        there = run_stage(folder, stage, DASK_SCHEDULER_ADDRESS=address)
        here = run_stage(processes, stage)
        assert (there.returncode, here.returncode) == (0, 0), there.stderr + here.stderr
        assert tasks_seen(address) >= before + len(SPOKEN), "the cluster did the work"
    expected = outputs(processes)
    assert len(expected) == len(SPOKEN) + 1 + 2 * 4
    assert outputs(folder) == expected


def test_without_a_scheduler_the_user_is_told(tmp_path: Path) -> None:
    folder = make_project(tmp_path, backend="dask")
    done = run_stage(folder, "extract clean")
    assert (done.returncode, "params.yaml: workers.backend" in done.stderr) == (1, True), done.stderr
    done = run_stage(folder, "extract clean", DASK_SCHEDULER_ADDRESS="tcp://127.0.0.1:9", **QUICK)
    assert done.returncode == 1
    assert "DASK_SCHEDULER_ADDRESS: cannot connect to tcp://127.0.0.1:9" in done.stderr
    done = run_stage(folder, "extract clean", DASK_SCHEDULER_ADDRESS="tls://127.0.0.1:9", **QUICK)
    assert done.returncode == 1
    assert "cannot connect to tls://127.0.0.1:9 (TLS expects" in done.stderr


# What Dask calls its settings in the environment.
QUICK = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}


def test_the_settings_for_certificates_are_dasks() -> None:
    page = (PROJECT / "docs/run_on_a_cluster.md").read_text(encoding="utf-8")
    (settings,) = re.findall(r"^```yaml\n(distributed:.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)
    with dask.config.set(dask.config.merge(dask.config.config, yaml.safe_load(settings))):
        security = distributed.Security()
    assert security.require_encryption
    for role in ("scheduler", "worker", "client"):
        files = security.get_tls_config_for_role(role)
        names = [Path(files[it]).name for it in ("ca_file", "cert", "key")]
        assert names == ["cert.pem", "cert.pem", "key.pem"]
