"""The protocols under which the final models are tested beside LUNA5, and what others published under one."""

from collections.abc import Mapping
from types import MappingProxyType

PROTOCOL_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "emobox6": "EMOBOX6: 6 folds by actor",
        "loso": "LOSO: 24 folds, an actor each",
        "article": "article: random split, every actor on both sides",
    }
)
"""Those that split actors first."""

EMOBOX_UAR: Mapping[str, float] = MappingProxyType(
    {
        "Whisper-large-v3": 0.753,
        "WavLM-large": 0.72,
        "HuBERT-large": 0.7,
        "HuBERT-base": 0.654,
        "WavLM-base": 0.616,
        "wav2vec2-base": 0.543,
    }
)
"""UAR of a small classifier on pretrained encoders, of RAVDESS under the folds of EMOBOX6.

References
----------
Ma Z et al. (2024). EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark.
Interspeech. There it is called UA.
"""
