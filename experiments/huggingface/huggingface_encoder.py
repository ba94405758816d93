"""An audio encoder from a local Hugging Face folder: a recording to the hidden states of all its layers.

Optional: it needs the packages transformers, torch and safetensors (``pip install -e '.[huggingface]'``).
Nothing is downloaded, no pickle is read and no code of the folder is run. Encoders of raw samples (wav2vec
2.0, HuBERT, WavLM) and of spectrograms (Whisper) are read alike, through what transformers gives for both: a
feature extractor that knows the model's input, and hidden states.

References
----------
Baevski A et al. (2020). wav2vec 2.0. NeurIPS.
Radford A et al. (2023). Robust Speech Recognition via Large-Scale Weak Supervision. ICML. (Whisper)
"""

import hashlib
import math
import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ser.errors import InputError, list_problems

Array = npt.NDArray[np.float32]

SAMPLE_RATE = 16000
"""In Hz. What the speech encoders of the field were trained with; a model of another rate is refused."""
PACKAGES = ("transformers", "torch", "safetensors")
EXTRACTOR_FILES = ("preprocessor_config.json", "processor_config.json")
"""Older and newer name of the settings of the feature extractor; one of them is enough."""
_SHORTEST = SAMPLE_RATE // 10
"""In samples; the convolutions of wav2vec 2.0 need 400. Shorter speech is followed by silence."""
_TRAINING_ONLY = ("masked_spec_embed",)
"""Weights that no hidden state depends on outside training, and that some published models lack."""


def fingerprint(folder: Path | str) -> str:
    """Hash all that a model is made of: its weights, and the settings of model and feature extractor.

    Returns
    -------
    str
        What ``sha256sum *.json *.safetensors | sha256sum`` prints in the folder under ``LC_ALL=C``.
    """
    lines = []
    for path in [*sorted(Path(folder).glob("*.json")), *sorted(Path(folder).glob("*.safetensors"))]:
        with path.open("rb") as stream:
            lines.append(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {path.name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def check_model(folder: str | None, *, sha256: str | None) -> str:
    """Make sure that the encoder can be loaded, and is the one that params.yaml means.

    Parameters
    ----------
    folder
        ``huggingface.model``.
    sha256
        ``huggingface.sha256``, to be equal to the folder's `fingerprint`.

    Returns
    -------
    str
        The folder.

    Raises
    ------
    InputError
        Where no folder is set, packages or files are missing, or the fingerprint is another one or not set.
    """
    if folder is None:
        raise InputError(
            "huggingface.model in params.yaml is not set: set it to a local folder that holds an audio model "
            "as transformers saves it (config.json, preprocessor_config.json, *.safetensors)"
        )
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(
            f"missing packages: {', '.join(missing)}; run pip install -e '.[huggingface]' in the environment "
            "of the pipeline"
        )
    if not Path(folder).is_dir():
        raise InputError(f"huggingface.model in params.yaml: {folder}: no such folder; nothing is downloaded")
    problems = _problems(Path(folder))
    if problems:
        raise list_problems(f"{folder}: no audio model as transformers saves it", problems)
    found = fingerprint(folder)
    if found != sha256:
        state = "is not set" if sha256 is None else f"is {sha256}, which is another model"
        raise InputError(
            f"huggingface.sha256 in params.yaml {state}; if {folder} is the model that you want, set it to "
            f"{found}"
        )
    return folder


def _problems(folder: Path) -> list[str]:
    problems = []
    if not (folder / "config.json").is_file():
        problems.append("config.json: missing")
    if not any((folder / name).is_file() for name in EXTRACTOR_FILES):
        problems.append(f"{EXTRACTOR_FILES[0]}: missing")
    if not any(folder.glob("*.safetensors")):
        problems.append("*.safetensors: missing; pickled weights (.bin, .pt) are never loaded, convert them")
    if (folder / "adapter_config.json").exists():
        problems.append("adapter_config.json: the weights that it adapts are elsewhere; merge them and save")
    return problems


@dataclass(frozen=True)
class HuggingfaceEncoder:
    """A model and its feature extractor, both of transformers, and the PyTorch that runs them.

    Attributes
    ----------
    model, extractor, torch
        Untyped, because the packages are optional.
    """

    model: Any
    extractor: Any
    torch: Any

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Load a folder that `check_model` accepted, of an encoder and decoder the encoder alone.

        From then on this process runs PyTorch with one thread and deterministic operations.

        Raises
        ------
        InputError
            Where transformers cannot load it, weights are missing in it, or it is of another sample rate.
        """
        # Before the import, at which it is read. All that follows is local as it is; this makes sure.
        os.environ["HF_HUB_OFFLINE"] = "1"
        import torch
        import transformers

        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        local = {"local_files_only": True, "trust_remote_code": False}
        try:
            # A folder that was held to its checksum, so there is no revision to pin.
            extractor = transformers.AutoFeatureExtractor.from_pretrained(folder, **local)  # nosec B615
            model, loading = transformers.AutoModel.from_pretrained(  # nosec B615
                folder,
                use_safetensors=True,
                # The one implementation of attention that every model has.
                attn_implementation="eager",
                output_loading_info=True,
                **local,
            )
        except Exception as error:
            # A folder of anybody's making can fail in any way, in any of three packages.
            raise InputError(f"{folder}: transformers cannot load it ({error})") from error
        # transformers would draw them at random, and the states would mean nothing.
        absent = sorted(name for name in loading["missing_keys"] if not name.endswith(_TRAINING_ONLY))
        if absent:
            raise list_problems(f"{folder}: weights that the model needs are not in it", absent, shown=5)
        rate = getattr(extractor, "sampling_rate", None)
        if rate != SAMPLE_RATE:
            raise InputError(f"{folder}: hears {rate} Hz, but must be an audio model of {SAMPLE_RATE} Hz")
        encoder = model.get_encoder() if model.config.is_encoder_decoder else model
        return cls(model=encoder.float().eval(), extractor=extractor, torch=torch)

    def states(self, speech: Array) -> Array:
        """Run the model.

        Parameters
        ----------
        speech
            [shape=(n,)] at `SAMPLE_RATE`.

        Returns
        -------
        numpy.ndarray [shape=(layers, t, units), dtype=float32]
            Hidden states, lowest first: what enters the first transformer layer, then what leaves each. Of a
            model that hears a window of fixed length (Whisper: 30 s), those of the speech alone.

        Raises
        ------
        InputError
            Where the model has no hidden states of this shape.
        """
        speech = np.pad(speech, (0, max(0, _SHORTEST - len(speech))))
        inputs = self.extractor(speech, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        try:
            with self.torch.inference_mode():
                hidden = self.model(**inputs, output_hidden_states=True).hidden_states
            states = np.stack([layer.numpy() for layer in hidden])
            if states.ndim != 4 or states.shape[1] != 1 or not np.isfinite(states).all():
                raise ValueError(f"shape {states.shape}, or not finite")
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            kind = type(self.model).__name__
            raise InputError(
                f"huggingface.model: {kind} gives no hidden states of sound ({error})"
            ) from error
        frames, window = states.shape[2], getattr(self.extractor, "n_samples", None)
        heard = frames if window is None else math.ceil(frames * min(len(speech) / window, 1))
        return np.asarray(states[:, 0, :heard], dtype=np.float32)


@cache
def encoder_of(folder: str) -> HuggingfaceEncoder:
    """Load an encoder, once a process."""
    return HuggingfaceEncoder.load(folder)


def state_functionals(speech: Array, *, encoder: HuggingfaceEncoder) -> Array:
    """Summarise what the encoder makes of the speech.

    Parameters
    ----------
    speech
        [shape=(n,)] at `SAMPLE_RATE`.
    encoder
        Whose states.

    Returns
    -------
    numpy.ndarray [shape=(layers, 2 * units), dtype=float32]
        For each layer mean and deviation over time of its states.
    """
    states = encoder.states(speech)
    return np.concatenate([states.mean(axis=1), states.std(axis=1)], axis=1)
