"""Under which licences the exported models are shared."""

from ser.recognizer.bundle_format import GENERAL, RAVDESS, WEIGHTS_LICENCE

LICENCE_ADDRESS = "https://creativecommons.org/licenses/by-nc-sa/4.0/"

_RAVDESS = "RAVDESS, Livingstone SR, Russo FA (2018), doi 10.1371/journal.pone.0196391"
_NEMO = "nEMO, Christop I (2024), LREC-COLING, 12111-12116"
_TRAINED_ON = {GENERAL: f"{_RAVDESS}; {_NEMO}", RAVDESS: _RAVDESS}

WEIGHTS_TEXT = f"""\
The weights were trained by the ravdess-ser pipeline: those in ravdess.npz on the Ryerson Audio-Visual
Database of Emotional Speech and Song (RAVDESS), those in general.npz on RAVDESS and on nEMO. They are shared
under the licence of these recordings:

    Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International (CC BY-NC-SA 4.0)
    {LICENCE_ADDRESS}

Whoever shares them, changed or not, names the sources and what was changed, keeps to this licence, and earns
no money with them. They come without any warranty.

Attribution: Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song
(RAVDESS): A dynamic, multimodal set of facial and vocal expressions in North American English. PLoS ONE
13(5): e0196391. https://doi.org/10.1371/journal.pone.0196391
Recordings: https://doi.org/10.5281/zenodo.1188976

Christop I (2024). nEMO: Dataset of Emotional Speech in Polish. Proceedings of LREC-COLING 2024, 12111-12116.
Recordings: https://huggingface.co/datasets/amu-cai/nEMO

What was changed: the recordings are not in it; models were trained on the speech of all speakers.

The encoder that they are applied to is none of them: its licence stands beside it, in ser/encoder.
"""


def licence_of(model: str) -> dict[str, str]:
    """Give the licences of a shipped model, for its description.

    Parameters
    ----------
    model
        Name of the model, `GENERAL` or `RAVDESS`.
    """
    return {
        "weights": f"CC BY-NC-SA 4.0, {LICENCE_ADDRESS}, as the recordings that they were trained on: "
        f"{_TRAINED_ON[model]}; see {WEIGHTS_LICENCE}",
        "encoder": "MIT: the first layers of Whisper-base, OpenAI (2022); "
        "see ser/encoder/LICENSE-whisper.txt",
        "code": "MIT",
    }
