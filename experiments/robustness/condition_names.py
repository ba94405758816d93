"""Names of the corruptions under which test clips are recognised."""

from collections.abc import Mapping

KINDS = ("clean", "white", "babble", "telephone", "reverberation", "level", "clipping", "start")
"""Each a section of the experiment's params.yaml."""
_CONDITION_WORDS: Mapping[str, str] = {
    "clean": "clean",
    "white": "white noise, SNR {} dB",
    "babble": "babble, SNR {} dB",
    "telephone": "telephone, 8 kHz, mu-law",
    "reverberation": "reverberation, RT60 {} s",
    "level": "level {} dB",
    "clipping": "clipped, {} of the samples",
    "start": "truncated to the first {} s of speech",
}


def condition_words(condition: str) -> str:
    """Describe a corruption by its name."""
    kind, _, value = condition.partition("_")
    if kind == "level":
        number, _, clipped = value.partition("_")
        return f"level {float(number):+g} dB" + (", clipped at full scale" if clipped else "")
    if kind == "clipping":
        value = f"{100 * float(value):g} %"
    if kind == "start":
        value = f"{float(value):g}"
    return _CONDITION_WORDS[kind].format(value)
