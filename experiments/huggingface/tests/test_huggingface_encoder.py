"""The optional encoder: states of tiny models of random weights, which the tests save, and what is refused.

Where transformers and PyTorch are not installed, what needs them is skipped; the refusals do not.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.huggingface import encode as encode_huggingface
from experiments.huggingface import huggingface_encoder
from experiments.huggingface.huggingface_encoder import (
    SAMPLE_RATE,
    Array,
    HuggingfaceEncoder,
    check_model,
    fingerprint,
    state_functionals,
)
from ser.audio import clip_io as audio
from ser.data.ravdess import SAMPLE_RATE as RECORDED_RATE
from ser.data.ravdess import clip_path, parse_clip
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.files import write_parquet
from stages import command

PROJECT = Path(__file__).resolve().parents[3]
SPOKEN = ("03-01-01-01-01-01-24", "03-01-05-02-02-01-07", "03-01-08-01-01-02-07")
KINDS = ("wav2vec2", "hubert", "whisper")
LAYERS, UNITS = 3, 16
RAW = {
    "hidden_size": UNITS,
    "num_hidden_layers": LAYERS - 1,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
WHISPER = {
    "d_model": UNITS,
    "encoder_layers": LAYERS - 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "vocab_size": 50,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}


def packages() -> tuple[Any, Any]:
    """PyTorch and transformers, or the test that asks is skipped."""
    reason = "optional: pip install -e '.[huggingface]'"
    return pytest.importorskip("torch", reason=reason), pytest.importorskip("transformers", reason=reason)


def save_model(folder: Path, kind: str, **changes: Any) -> Path:
    """Save a tiny model of random weights."""
    torch, transformers = packages()
    torch.manual_seed(0)
    if kind == "whisper":
        model = transformers.WhisperModel(transformers.WhisperConfig(**WHISPER | changes))
        extractor = transformers.WhisperFeatureExtractor()
    else:
        name = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert"}[kind]
        config = getattr(transformers, f"{name}Config")(**RAW | changes)
        model = getattr(transformers, f"{name}Model")(config)
        extractor = transformers.Wav2Vec2FeatureExtractor()
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: save_model(folder / kind, kind) for kind in KINDS}


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three recordings as ingest leaves them, and the committed parameters."""
    monkeypatch.chdir(tmp_path)
    configure()
    clips = pd.DataFrame([vars(parse_clip(name)) for name in SPOKEN])
    paths = [clip_path("data/raw", name) for name in SPOKEN]
    write_parquet("data/clips.parquet", clips.assign(path=[path.as_posix() for path in paths]))
    for name, path in zip(SPOKEN, paths, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(path, synthesize(name), sample_rate=RECORDED_RATE)
    return tmp_path


def configure(*, model: Path | None = None, sha256: str | None = None, jobs: int = 1) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params["workers"]["jobs"] = jobs
    params["huggingface"] |= {"model": None if model is None else str(model), "sha256": sha256}
    Path("params.yaml").write_text(yaml.safe_dump(params))


def run_stage() -> Array:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["encode_huggingface"])
        command.run(encode_huggingface.main)
    return np.asarray(np.load("data/features/clean/huggingface.npy", allow_pickle=False))


def failure() -> str:
    with pytest.raises(SystemExit) as caught:
        run_stage()
    assert isinstance(caught.value.code, str)
    assert not Path("data/features").exists()
    return caught.value.code


def noise(n: int) -> Array:
    return np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("recordings")
def test_the_stage_writes_a_row_a_clip_whatever_the_number_of_workers(
    models: dict[str, Path], kind: str
) -> None:
    written = []
    for jobs in (1, 2, 2):
        configure(model=models[kind], sha256=fingerprint(models[kind]), jobs=jobs)
        rows = run_stage()
        written.append(Path("data/features/clean/huggingface.npy").read_bytes())
    assert rows.shape == (len(SPOKEN), LAYERS, 2 * UNITS)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    assert (rows.std(axis=0) > 0).all(), "a column that is the same for every clip tells nothing of it"
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize("kind", KINDS)
def test_the_states_are_those_of_the_model_that_was_saved(models: dict[str, Path], kind: str) -> None:
    torch, transformers = packages()
    # Two seconds of the window of 30 that Whisper hears give 100 of its 1500 states.
    speech, frames = noise(2 * SAMPLE_RATE), {"whisper": 100}.get(kind, 99)
    model = transformers.AutoModel.from_pretrained(models[kind]).eval()
    inputs = transformers.AutoFeatureExtractor.from_pretrained(models[kind])(
        speech, sampling_rate=SAMPLE_RATE, return_tensors="pt"
    )
    with torch.no_grad():
        run = model.encoder if kind == "whisper" else model
        last = run(**inputs).last_hidden_state[0].numpy()
    states = HuggingfaceEncoder.load(models[kind]).states(speech)
    assert states.shape == (LAYERS, frames, UNITS)
    np.testing.assert_allclose(states[-1], last[:frames], atol=1e-5)
    assert not np.allclose(states[0], states[1], atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_of_any_length_there_are_states(models: dict[str, Path], kind: str) -> None:
    encoder = HuggingfaceEncoder.load(models[kind])

    @settings(max_examples=8, deadline=None)
    @given(n=st.integers(1, 3 * SAMPLE_RATE))
    def holds(n: int) -> None:
        states = encoder.states(noise(n))
        # A state every 20 ms, of 0.1 s at the least.
        assert abs(states.shape[1] - max(n, SAMPLE_RATE // 10) / 320) <= 1.25
        assert np.isfinite(state_functionals(noise(n), encoder=encoder)).all()

    holds()


def test_functionals_are_mean_and_deviation_of_each_layer(models: dict[str, Path]) -> None:
    encoder = HuggingfaceEncoder.load(models["wav2vec2"])
    states = encoder.states(noise(8000))
    rows = state_functionals(noise(8000), encoder=encoder)
    assert rows.shape == (LAYERS, 2 * UNITS)
    np.testing.assert_allclose(rows[1, :UNITS], states[1].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(rows[1, UNITS:], states[1].std(axis=0), rtol=1e-5)


def test_half_precision_and_the_head_of_another_task_make_no_difference_in_kind(tmp_path: Path) -> None:
    torch, transformers = packages()
    torch.manual_seed(0)
    classifier = transformers.Wav2Vec2ForSequenceClassification(transformers.Wav2Vec2Config(**RAW))
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    classifier.save_pretrained(tmp_path)
    whole = HuggingfaceEncoder.load(tmp_path).states(noise(8000))
    classifier.half().save_pretrained(tmp_path)
    half = HuggingfaceEncoder.load(tmp_path).states(noise(8000))
    assert whole.dtype == half.dtype == np.float32
    np.testing.assert_allclose(half, whole, atol=0.02)


def test_a_model_without_some_of_its_weights_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path, "wav2vec2")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_hidden_layers": LAYERS}))
    with pytest.raises(InputError, match=r"weights that the model needs are not in it(.|\n)*layers\.2\."):
        HuggingfaceEncoder.load(tmp_path)


def test_weights_that_only_training_needs_may_be_missing(tmp_path: Path) -> None:
    packages()
    from safetensors.numpy import load_file, save_file

    save_model(tmp_path, "hubert")
    expected = HuggingfaceEncoder.load(tmp_path).states(noise(8000))
    weights = load_file(tmp_path / "model.safetensors")
    del weights["masked_spec_embed"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    np.testing.assert_array_equal(HuggingfaceEncoder.load(tmp_path).states(noise(8000)), expected)


@pytest.mark.parametrize(
    ("file", "changes", "says"),
    [
        ("config.json", {"model_type": "oracle"}, "transformers cannot load it"),
        ("config.json", {"model_type": "oracle", "auto_map": {"AutoModel": "evil.Model"}}, "cannot load it"),
        ("preprocessor_config.json", {"sampling_rate": 24000}, "hears 24000 Hz, but must be .* of 16000 Hz"),
    ],
)
def test_what_is_no_model_of_speech_is_refused_and_its_code_not_run(
    tmp_path: Path, file: str, changes: dict[str, Any], says: str
) -> None:
    save_model(tmp_path, "wav2vec2")
    (tmp_path / "evil.py").write_text("raise SystemExit('run')")
    content = json.loads((tmp_path / file).read_text())
    (tmp_path / file).write_text(json.dumps(content | changes))
    with pytest.raises(InputError, match=says):
        HuggingfaceEncoder.load(tmp_path)


def test_a_model_of_text_is_refused(tmp_path: Path) -> None:
    _, transformers = packages()
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
    )
    transformers.BertModel(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="BertModel gives no hidden states of sound"):
        HuggingfaceEncoder.load(tmp_path).states(noise(8000))


# What follows needs neither package.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of a model, and packages that are there."""
    monkeypatch.setattr(huggingface_encoder, "find_spec", lambda _: "found")
    made = tmp_path / "model"
    made.mkdir()
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (made / name).write_text(name)
    return made


@pytest.mark.usefixtures("recordings")
def test_without_a_model_the_stage_says_what_to_set() -> None:
    assert "huggingface.model in params.yaml is not set: set it to a local folder" in failure()


def test_a_missing_package_is_a_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_encoder, "find_spec", lambda name: None if name == "torch" else "found")
    with pytest.raises(InputError, match=r"missing packages: torch; run pip install -e '\.\["):
        check_model(str(folder), sha256=fingerprint(folder))


def test_the_name_of_a_model_elsewhere_is_no_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(InputError, match="facebook/hubert-base-ls960: no such folder; nothing is downloaded"):
        check_model("facebook/hubert-base-ls960", sha256=None)


def test_all_missing_files_are_named_and_pickles_are_none(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "pytorch_model.bin").touch()
    (folder / "adapter_config.json").touch()
    with pytest.raises(InputError) as caught:
        check_model(str(folder), sha256=None)
    for words in ("config.json: missing", "preprocessor_config.json: missing", "never loaded", "merge them"):
        assert words in str(caught.value)
    assert "(4 problems)" in str(caught.value)


def test_the_fingerprint_to_set_is_in_the_message_and_then_accepted(folder: Path) -> None:
    found = fingerprint(folder)
    with pytest.raises(InputError, match=rf"huggingface\.sha256 in params\.yaml is not set; .* to {found}"):
        check_model(str(folder), sha256=None)
    with pytest.raises(InputError, match=rf"is {64 * '0'}, which is another model; .* set it to {found}"):
        check_model(str(folder), sha256=64 * "0")
    assert check_model(str(folder), sha256=found) == str(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "more.json", "more.safetensors"])
def test_the_fingerprint_is_of_every_file_that_can_matter(folder: Path, name: str) -> None:
    before = fingerprint(folder)
    (folder / "README.md").write_text("about")
    (folder / "pytorch_model.bin").write_text("never read")
    assert fingerprint(folder) == before
    (folder / name).write_text("other")
    assert fingerprint(folder) != before


def test_the_fingerprint_can_be_computed_without_this_project(folder: Path) -> None:
    command_line = "LC_ALL=C; export LC_ALL; sha256sum *.json *.safetensors | sha256sum"
    shown = subprocess.run(command_line, shell=True, cwd=folder, capture_output=True, text=True, check=True)
    assert shown.stdout.split()[0] == fingerprint(folder)
    assert fingerprint(folder) != hashlib.sha256().hexdigest()
