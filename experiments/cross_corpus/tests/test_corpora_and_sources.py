"""nEMO and EMO-DB from a folder, zip or download: the same clips, and what is not as published is refused."""

import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import yaml
from stage_runs import run_in

from experiments.cross_corpus import fetch, ingest
from experiments.cross_corpus.corpora import CORPORA
from experiments.cross_corpus.manifest import COLUMNS, Row, match, read_manifest, write_manifest
from experiments.cross_corpus.write_manifest import rows
from ser.audio.clip_io import Pcm16, sha256_of, write_pcm16
from ser.data import download
from ser.errors import InputError

PROJECT = Path(__file__).parents[3]
FOLDER = "experiments/cross_corpus"
NEMO = ("EB0_anger_1", "EB0_surprised_90", "MP0_neutral_7", "WR0_happiness_12", "WR0_fear_12")
EMODB = ("03a01Fa", "08b10Wc", "16a05Nb")
RATES = {"nemo": 24000, "emodb": 16000}
SPEAKERS = {"EB0": ("female", 27), "MP0": ("male", 24), "WR0": ("male", 23), "08": ("female", 34)}


def noise(seed: int, rate: int) -> Pcm16:
    """A fifth of a second of sound."""
    return np.random.default_rng(seed).integers(-9000, 9000, rate // 5 + seed, dtype=np.int16)


SOUNDS = {
    name: {clip: noise(seed, RATES[name]) for seed, clip in enumerate(clips)}
    for name, clips in (("nemo", NEMO), ("emodb", EMODB))
}


def row_of(name: str, clip: str) -> Row:
    corpus, samples = CORPORA[name], SOUNDS[name][clip]
    utterance = corpus.grammar.parse(clip)
    gender, age = SPEAKERS.get(utterance.speaker, ("male", 30))
    return Row(
        clip=clip,
        speaker=utterance.speaker,
        gender=gender,
        age=age,
        emotion=str(utterance.emotion),
        sentence=utterance.details[corpus.sentence],
        sample_rate=RATES[name],
        frames=len(samples),
        sha256=sha256_of(samples),
    )


def write_recordings(folder: Path, name: str, suffix: str = ".wav") -> Path:
    """As they are published: nEMO in a folder ``samples`` beside other files, EMO-DB in ``wav``."""
    samples = folder / {"nemo": "samples", "emodb": "wav"}[name]
    samples.mkdir(parents=True)
    for clip, sound in SOUNDS[name].items():
        write_pcm16(samples / f"{clip}{suffix}", sound, sample_rate=RATES[name])
    (folder / "data.tsv").write_text("file_id\temotion\n")
    return folder


def zipped(folder: Path, path: Path, *more: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in sorted(folder.rglob("*")):
            bundle.write(file, f"nEMO-66de/{file.relative_to(folder)}")
        for name, content in more:
            bundle.writestr(name, content)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with manifests of a few clips, and no recordings."""
    folder = tmp_path / "project"
    (folder / FOLDER).mkdir(parents=True)
    main = yaml.safe_load((PROJECT / "params.yaml").read_text())
    main["workers"]["jobs"] = 1
    (folder / "params.yaml").write_text(yaml.safe_dump(main))
    own = yaml.safe_load((PROJECT / FOLDER / "params.yaml").read_text())
    own["corpora"]["nemo"]["archive_url"] = "http://127.0.0.1:1/nemo.zip"
    (folder / FOLDER / "params.yaml").write_text(yaml.safe_dump(own))
    for name, sounds in SOUNDS.items():
        write_manifest(folder / own["corpora"][name]["manifest"], [row_of(name, clip) for clip in sounds])
    for variable in ("NEMO_DIR", "NEMO_URL", "EMODB_DIR"):
        monkeypatch.delenv(variable, raising=False)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {it.relative_to(folder).as_posix(): it.read_bytes() for it in folder.rglob("*") if it.is_file()}


def failure(project: Path, stage: ModuleType, name: str) -> str:
    """Run a stage that must fail and change no file; return its message."""
    before = content(project)
    with pytest.raises(InputError) as caught:
        run_in(project, stage, name)
    assert content(project) == before
    return str(caught.value)


SOURCES: dict[str, Callable[[Path], Path]] = {
    "folder": lambda path: write_recordings(path / "nEMO", "nemo"),
    "folder of samples alone": lambda path: write_recordings(path / "nEMO", "nemo") / "samples",
    "flac": lambda path: write_recordings(path / "nEMO", "nemo", ".flac"),
    "zip": lambda path: zipped(write_recordings(path / "nEMO", "nemo"), path / "a.zip"),
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_the_same_bytes_and_table_whatever_the_source(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path]
) -> None:
    monkeypatch.setenv("NEMO_DIR", str(make(tmp_path)))
    run_in(project, fetch, "nemo")
    raw = project / "data/cross_corpus/nemo/raw"
    expected = write_recordings(tmp_path / "expected", "nemo") / "samples"
    assert content(raw) == {
        f"{clip[:3]}/{clip}.wav": (expected / f"{clip}.wav").read_bytes() for clip in NEMO
    }
    run_in(project, ingest, "nemo")
    table = pd.read_parquet(project / "data/cross_corpus/nemo/clips.parquet")
    assert list(table["clip"]) == sorted(NEMO)
    assert table.set_index("clip").loc["WR0_happiness_12"].to_dict() | {"peak_dbfs": 0, "rms_dbfs": 0} == {
        "path": "data/cross_corpus/nemo/raw/WR0/WR0_happiness_12.wav",
        "corpus": "nemo",
        "actor": "WR0",
        "gender": "male",
        "age": 23,
        "emotion": "happy",
        "sentence": "12",
        "sample_rate": 24000,
        "frames": 4803,
        "duration_s": 4803 / 24000,
        "peak_dbfs": 0,
        "rms_dbfs": 0,
        "sha256": sha256_of(SOUNDS["nemo"]["WR0_happiness_12"]),
    }


def test_emodb_is_read_without_the_emotions_that_are_left_out(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_recordings(tmp_path / "emodb", "emodb", ".flac")
    for clip in ("03a01La", "03a02La", "03a01Ab", "03a01Eb"):
        write_pcm16(folder / "wav" / f"{clip}.wav", noise(9, 16000), sample_rate=16000)
    monkeypatch.setenv("EMODB_DIR", str(folder))
    run_in(project, fetch, "emodb")
    printed = capsys.readouterr().out
    assert "left out 2 of boredom: RAVDESS does not have it" in printed
    assert "left out 1 of fearful" in printed
    assert "left out 1 of disgust" in printed
    run_in(project, ingest, "emodb")
    table = pd.read_parquet(project / "data/cross_corpus/emodb/clips.parquet")
    assert list(zip(table["clip"], table["actor"], table["emotion"], table["sentence"], strict=True)) == [
        ("03a01Fa", "03", "happy", "a01"),
        ("08b10Wc", "08", "angry", "b10"),
        ("16a05Nb", "16", "neutral", "a05"),
    ]


def test_all_faults_of_a_source_are_listed_at_once(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = write_recordings(tmp_path / "nEMO", "nemo") / "samples"
    write_pcm16(samples / "EB0_anger_1.flac", SOUNDS["nemo"]["EB0_anger_1"], sample_rate=24000)
    (samples / "EB0_surprised_90.wav").unlink()
    write_pcm16(samples / "MP0_neutral_7.wav", SOUNDS["nemo"]["MP0_neutral_7"][::-1], sample_rate=24000)
    write_pcm16(samples / "WR0_happiness_12.wav", SOUNDS["nemo"]["WR0_happiness_12"][:-9], sample_rate=24000)
    write_pcm16(samples / "WR0_fear_12.wav", SOUNDS["nemo"]["WR0_fear_12"], sample_rate=48000)
    for surplus in ("WR0_boredom_1", "ZZ0_anger_1", "WR0_anger_91", "WR0_anger_01", "WR0_anger_2", "notes"):
        write_pcm16(samples / f"{surplus}.wav", noise(9, 24000), sample_rate=24000)
    monkeypatch.setenv("NEMO_DIR", str(tmp_path / "nEMO"))
    heading, *lines = failure(project, fetch, "nemo").splitlines()
    assert heading.startswith(f"{tmp_path}/nEMO: not the clips of the manifest")
    assert "set NEMO_DIR to" in heading
    emotions = "neutral, happiness, sadness, anger, fear, surprised"
    form = "must be SPEAKER_EMOTION_SENTENCE, as in WR0_surprised_64"
    speakers = "EB0, IC0, KD0, KS0, MK0, MP0, SM0, TP0, WR0"
    assert lines == [
        "  EB0_anger_1: doubled, keep one of samples/EB0_anger_1.flac, samples/EB0_anger_1.wav",
        "  EB0_surprised_90: missing",
        "  samples/MP0_neutral_7.wav: its samples have another checksum than the manifest's; copy it again",
        f"  samples/WR0_anger_01.wav: WR0_anger_01: {form}",
        "  samples/WR0_anger_2.wav: not in the manifest",
        "  samples/WR0_anger_91.wav: WR0_anger_91: sentence is 91, but must be 1 to 90",
        f"  samples/WR0_boredom_1.wav: WR0_boredom_1: emotion is boredom, but must be one of {emotions}",
        "  samples/WR0_fear_12.wav: sample rate is 48000 Hz, but must be 24000 Hz",
        "  samples/WR0_happiness_12.wav: 4794 frames, but the manifest says 4803;"
        " truncated or edited, copy it again",
        f"  samples/ZZ0_anger_1.wav: ZZ0_anger_1: speaker is ZZ0, but must be one of {speakers}",
        f"  samples/notes.wav: notes: {form}",
    ]


def test_what_fetch_wrote_is_checked_again(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no such folder; the stage fetch_corpus makes it" in failure(project, ingest, "nemo")
    monkeypatch.setenv("NEMO_DIR", str(write_recordings(tmp_path / "nEMO", "nemo")))
    run_in(project, fetch, "nemo")
    raw = project / "data/cross_corpus/nemo/raw"
    write_pcm16(raw / "EB0/EB0_anger_1.wav", noise(9, 24000), sample_rate=24000)
    (raw / "WR0/WR0_fear_12.wav").unlink()
    assert failure(project, ingest, "nemo").splitlines()[1:] == [
        "  WR0_fear_12: missing",
        "  data/cross_corpus/nemo/raw/EB0/EB0_anger_1.wav: 4809 frames, but the manifest says 4800;"
        " truncated or edited, copy it again",
    ]


@pytest.mark.parametrize(
    "name", ["../a.wav", "/etc/a.wav", "samples/../../a.wav", "C:/a.wav", "..\\a.wav", "a" * 300 + ".wav"]
)
def test_an_unsafe_zip_is_refused_before_anything_is_written(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    archive = zipped(write_recordings(tmp_path / "nEMO", "nemo"), tmp_path / "a.zip", (name, b"RIFF"))
    monkeypatch.setenv("NEMO_DIR", str(archive))
    heading, line = failure(project, fetch, "nemo").splitlines()
    assert heading.startswith(f"{archive}: refused, not the published archive; set NEMO_DIR to")
    assert "leads out of the archive" in line or "its name has 304 characters" in line


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_zip_that_was_cut_is_refused(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, keep: float
) -> None:
    path = zipped(write_recordings(tmp_path / "nEMO", "nemo"), tmp_path / "a.zip")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    monkeypatch.setenv("NEMO_DIR", str(path))
    assert f"{path}: neither a folder nor a readable zip; set NEMO_DIR" in failure(project, fetch, "nemo")


@pytest.mark.parametrize("name", CORPORA)
def test_what_is_no_source_is_refused_with_advice(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    variable = CORPORA[name].variable
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").write_text("notes")
    for place, says in (
        ("absent", "no such file or folder"),
        ("empty", "holds no recordings"),
        ("notes", "neither a folder nor a readable zip"),
    ):
        monkeypatch.setenv(variable, str(tmp_path / place))
        assert failure(project, fetch, name) == f"{tmp_path / place}: {says}; {CORPORA[name].advice}"


def test_without_a_folder_emodb_is_not_downloaded(project: Path) -> None:
    assert failure(project, fetch, "emodb").startswith("EMO-DB: nobody said where its recordings are; set EM")


# Download, from a server on this machine that packs archives as GitHub does: without their length or ranges.


class Server(ThreadingHTTPServer):
    """Sends `body` in chunks; breaks off in the middle as often as `breaks` says."""

    body: bytes = b""
    breaks: int = 0
    status: int = 200
    asked: int = 0


class Handler(BaseHTTPRequestHandler):
    """Answers for `Server`."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.status != 200:
            return self.send_error(self.server.status)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        whole = self.server.breaks == 0
        self.server.breaks -= not whole
        half = self.server.body if whole else self.server.body[: len(self.server.body) // 2]
        self.wfile.write(f"{len(half):x}\r\n".encode() + half + b"\r\n" + (b"0\r\n\r\n" if whole else b""))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    with Server(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        http.body = zipped(write_recordings(tmp_path / "nEMO", "nemo"), tmp_path / "a.zip").read_bytes()
        path = project / FOLDER / "params.yaml"
        own = yaml.safe_load(path.read_text())
        own["corpora"]["nemo"]["archive_url"] = f"http://127.0.0.1:{http.server_port}/amu-cai/nEMO/zip/66de"
        path.write_text(yaml.safe_dump(own))
        yield http
        http.shutdown()


def test_the_download_starts_over_until_it_is_complete_and_is_done_once(
    project: Path, server: Server
) -> None:
    server.breaks = 2
    for _ in range(2):
        run_in(project, fetch, "nemo")
    assert server.asked == 3
    assert len(list((project / "data/cross_corpus/nemo/raw").rglob("*.wav"))) == len(NEMO)
    assert [it.name for it in (project / "data/cross_corpus/download").iterdir()] == ["nemo.zip"]


def test_another_address_is_taken_from_the_environment(
    project: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEMO_URL", "http://127.0.0.1:1/mirror.zip")
    with pytest.raises(InputError, match=r"mirror\.zip: download failed.*Without it, set NEMO_DIR to"):
        run_in(project, fetch, "nemo")
    assert server.asked == 0


@pytest.mark.parametrize("body", [b"<html>sign in first</html>", b""])
def test_what_is_no_zip_is_not_kept(project: Path, server: Server, body: bytes) -> None:
    server.body = body
    with pytest.raises(InputError, match="sent no complete zip; removed, run again, or set NEMO_DIR"):
        run_in(project, fetch, "nemo")
    assert list((project / "data/cross_corpus/download").iterdir()) == []


def test_a_refusal_is_final(project: Path, server: Server) -> None:
    server.status = 404
    with pytest.raises(InputError, match=r"404.*set NEMO_DIR"):
        run_in(project, fetch, "nemo")
    assert server.asked == 1


# Manifests.


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("clip", "EB0_anger_1", "EB0_anger_1 stands twice"),
        ("clip", "EB0_rage_1", "emotion is rage"),
        ("speaker", "WR0", "speaker is WR0, but the name EB0_surprised_90 says EB0"),
        ("emotion", "surprise", "emotion is surprise, but the name EB0_surprised_90 says surprised"),
        ("sentence", "9", "sentence is 9, but"),
        ("gender", "f", "gender is f"),
        ("frames", "0", "must be positive"),
        ("age", "young", "invalid literal"),
        ("sha256", "abc", "64 hexadecimal digits"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, column: str, value: str, says: str) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(path, [row_of("nemo", clip) for clip in NEMO])
    table = pd.read_csv(path, dtype=str)
    # Of the row of which the first alone has the same speaker.
    table.loc[1, column] = value
    if (column, value) == ("clip", "EB0_anger_1"):
        table.loc[1] = table.loc[0]
    table.to_csv(path, index=False)
    with pytest.raises(InputError, match=rf"columns {','.join(COLUMNS)} \(1 problem\):\n  line 3: .*{says}"):
        read_manifest(path, CORPORA["nemo"])


def test_a_manifest_may_not_hold_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    write_manifest(path, [row_of("emodb", clip) for clip in EMODB])
    path.write_text(path.read_text().replace("03a01Fa", "03a01Aa").replace("happy", "fearful"))
    with pytest.raises(InputError, match="fearful is left out of this corpus"):
        read_manifest(path, CORPORA["emodb"])


def test_the_manifest_is_written_from_recordings_as_it_is_read(tmp_path: Path) -> None:
    folder = write_recordings(tmp_path / "nEMO", "nemo")
    table = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
    for clip in NEMO:
        gender, age = SPEAKERS[clip[:3]]
        table.append(f'{clip}.wav\t\tSaid "so.\tsaid so\t        {clip[:3]}\t{gender}\t{age}')
    (folder / "data.tsv").write_text("\n".join(table))
    assert rows(folder, "nemo") == [row_of("nemo", clip) for clip in sorted(NEMO)]


def committed(name: str) -> dict[str, Row]:
    return read_manifest(PROJECT / FOLDER / f"{name}_manifest.csv", CORPORA[name])


def test_nemo_has_4481_clips_of_nine_speakers_and_six_emotions() -> None:
    manifest = committed("nemo")
    found = list(manifest.values())
    assert len(found) == 4481
    assert Counter(row.emotion for row in found) == {
        "neutral": 809,
        "happy": 749,
        "sad": 769,
        "angry": 749,
        "fearful": 736,
        "surprised": 669,
    }
    assert Counter((row.speaker, row.gender, row.age) for row in found) == {
        ("EB0", "female", 27): 539,
        ("IC0", "female", 28): 540,
        ("KD0", "female", 28): 540,
        ("KS0", "male", 23): 540,
        ("MK0", "female", 23): 450,
        ("MP0", "male", 24): 256,
        ("SM0", "male", 24): 538,
        ("TP0", "male", 26): 539,
        ("WR0", "male", 23): 539,
    }
    assert {row.sample_rate for row in found} == {24000}
    assert len({row.sha256 for row in found}) == 4481
    assert 3.07 < sum(row.frames for row in found) / 24000 / 3600 < 3.08


def test_emodb_has_339_clips_of_ten_speakers_and_four_emotions() -> None:
    found = list(committed("emodb").values())
    assert Counter(row.emotion for row in found) == {"neutral": 79, "happy": 71, "sad": 62, "angry": 127}
    assert len({row.speaker for row in found}) == 10
    assert len({row.speaker for row in found if row.gender == "female"}) == 5
    assert {row.sample_rate for row in found} == {16000}
    assert len({row.sha256 for row in found}) == 339


def test_every_clip_of_the_manifests_is_found_by_its_name_alone() -> None:
    for name, corpus in CORPORA.items():
        manifest = committed(name)
        matches = match([f"x/{clip}.wav" for clip in manifest], manifest, corpus)
        assert list(matches.found) == sorted(manifest)
        assert matches.problems == []
