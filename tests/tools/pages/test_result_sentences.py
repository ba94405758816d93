"""Sentences of the result pages give the committed figures, as their tables do."""

import json
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[3]
RESULTS = "docs/results"

# A page, a sentence with places for figures, and what stands there in percent: a file of metrics and its
# keys, or the difference of two such.
ENSEMBLE, SCRATCH = "whisper/luna5/encoders_lda/uar", "taught/luna5/untaught_fused/uar"
BEST, FUSED = "summary/luna5/layers_lda/uar", "summary/luna5/fused_transfer/uar"
STUDENTS = "taught/luna5/taught_fused/uar"
LEAKED, SPLIT_FIRST, UNSEEN = (f"ladder_long/contour_cnn/{place}/uar" for place in range(3))
LEAKS = "ladder/leaks"
DTW, SOFT = "aligned/adds/luna5", "taught/adds/luna5/mean"
ADAPTED, ADAPTED_WHISPER = "enrolled/{}/uar", "whisper_adaptation/{}/uar"
ROBUST = "robustness/uar/{}/{}/uar"
PERTURBED = "robustness/gain_by_augmentation/{}/clean/{}"
SENTENCES = [
    (
        f"{RESULTS}/README.md",
        "whose recipe is the exported one's, reaches a UAR of {:.1f} % on unseen speakers (LUNA5)",
        [BEST],
    ),
    (
        "README.md",
        "{:.1f} % pretrained, by models like the exported ones, which are trained on all actors; "
        "from scratch {:.1f} %, by a [late fusion](docs/results/distillation.md) "
        "that knows the two sentences of RAVDESS. {:.1f} % is the best from scratch that does not.",
        [BEST, SCRATCH, "summary/luna5/fused_scratch/uar"],
    ),
    (
        f"{RESULTS}/README.md",
        "The best without pretrained weights reaches {:.1f} %, and knows the two sentences of RAVDESS; "
        "of those that do not, the best reaches {:.1f} %",
        [SCRATCH, "summary/luna5/fused_scratch/uar"],
    ),
    (
        f"{RESULTS}/README.md",
        "the article's CNN has {:.1f} % rather than {:.1f} % on unseen speakers",
        [LEAKED, UNSEEN],
    ),
    (
        f"{RESULTS}/README.md",
        "before the split by up to {:.0f} percentage points (article's CNN, 40 epochs), "
        "a random split by {:.0f} (article's CNN, 6 epochs) to {:.0f} (SVM)",
        [f"{LEAKED} - {SPLIT_FIRST}", f"{LEAKS}/3/points", f"{LEAKS}/20/points"],
    ),
    (f"{RESULTS}/README.md", "| {:.1f} % rather than {:.1f} %. |", [ENSEMBLE, FUSED]),
    (
        f"{RESULTS}/README.md",
        "| {:.1f} percentage points; {:.1f} % with a CNN beside it. |",
        [f"{DTW}/in_step/uar", "aligned/luna5/aligned_fused/uar"],
    ),
    (f"{RESULTS}/README.md", "| {:.1f} percentage points: {:.1f} %. |", [f"{SOFT}/uar", STUDENTS]),
    (
        f"{RESULTS}/README.md",
        "| {:.0f} percentage points for 30 clips; {:.0f} with Whisper. |",
        [
            f"{ADAPTED.format(30)} - {ADAPTED.format(0)}",
            f"{ADAPTED_WHISPER.format(30)} - {ENSEMBLE}",
        ],
    ),
    (
        f"{RESULTS}/README.md",
        "{:.1f} % under LUNA5, {:.1f} % under EMOBOX6, {:.1f} % under LOSO, {:.1f} % with a random split",
        [FUSED, *(f"protocols/{name}/fused_transfer/uar" for name in ("emobox6", "loso", "article"))],
    ),
    (
        f"{RESULTS}/protocols.md",
        "there a random split adds {:.0f} to {:.0f} to LUNA5",
        [f"{LEAKS}/3/points", f"{LEAKS}/20/points"],
    ),
    (
        f"{RESULTS}/protocols.md",
        "adds {:.1f} percentage points ({:.1f} to {:.1f}) to the LDA on functionals, "
        "and {:.1f} ({:.1f} to {:.1f}) to the LDA on the speaker encoder",
        [PERTURBED.format(kind, key) for kind in ("lda", "encoder_lda") for key in ("gain", "low", "high")],
    ),
    (
        f"{RESULTS}/protocols.md",
        "adds {:.1f} percentage points here and {:.1f} in the article",
        [
            "article_comparison/cnn_augmented/measured - article_comparison/cnn/measured",
            "article_comparison/cnn_augmented/article - article_comparison/cnn/article",
        ],
    ),
    (
        f"{RESULTS}/leakage.md",
        "has a UAR of {:.1f} %. Where the random split comes first it has {:.1f} %, "
        "and on unseen speakers {:.1f} %.",
        [LEAKED, SPLIT_FIRST, UNSEEN],
    ),
    (
        f"{RESULTS}/trust.md",
        "recognise {:.1f} % of the clips, human listeners {:.1f} %",
        ["human_comparison/models/layers_lda/accuracy", "human_comparison/human/accuracy"],
    ),
    (f"{RESULTS}/trust.md", "ECE {:.1f} %", ["calibration/layers_lda/before/ece"]),
    (f"{RESULTS}/trust.md", "they are right in {:.1f} %", ["final_calibration/accuracy_at_coverage/0.5"]),
    (
        f"{RESULTS}/trust.md",
        "{:.1f} percentage points apart on average (ECE), and {:.1f} after temperature scaling",
        [f"calibration/encoder_lda_augmented/{when}/ece" for when in ("before", "after")],
    ),
    (
        f"{RESULTS}/robustness.md",
        "from {:.1f} % to {:.1f} % in white noise at 20 dB SNR. In babble at 20 dB it is {:.1f} %, "
        "over a telephone {:.1f} %. The late fusion of CNN and speaker encoder falls from {:.1f} % "
        "to {:.1f} % in white noise at 20 dB SNR. In babble at 20 dB it has {:.1f} %, "
        "over a telephone {:.1f} %.",
        [
            ROBUST.format(condition, model)
            for model in ("layers_lda", "fused_transfer")
            for condition in ("clean", "white_20", "babble_20", "telephone")
        ],
    ),
    (
        f"{RESULTS}/README.md",
        "{:.1f} % in white noise at 20 dB SNR, {:.1f} % over a telephone; else much: {:.1f} and {:.1f} %. |",
        [
            ROBUST.format(condition, model)
            for model in ("layers_lda", "fused_transfer")
            for condition in ("white_20", "telephone")
        ],
    ),
    (
        f"{RESULTS}/whisper.md",
        "reaches a UAR of {:.1f} % on unseen speakers (LUNA5), rather than {:.1f} % by the "
        "late fusion of the main pipeline. Whisper's layers alone reach {:.1f} %",
        [ENSEMBLE, FUSED, "whisper/luna5/whisper_lda/uar"],
    ),
    (
        f"{RESULTS}/dtw.md",
        "adds {:.1f} percentage points of UAR ({:.1f} to {:.1f})",
        [f"{DTW}/in_step/{key}" for key in ("uar", "low", "high")],
    ),
    (
        f"{RESULTS}/dtw.md",
        "the model reaches {:.1f} % on unseen speakers",
        ["aligned/luna5/aligned_fused/uar"],
    ),
    (
        f"{RESULTS}/distillation.md",
        "add {:.1f} percentage points of UAR ({:.1f} to {:.1f}) under LUNA5: {:.1f} % rather than {:.1f} %",
        [*(f"{SOFT}/{key}" for key in ("uar", "low", "high")), STUDENTS, SCRATCH],
    ),
    (
        f"{RESULTS}/distillation.md",
        "add one percentage point beside the teacher: {:.1f} rather than {:.1f}",
        [SCRATCH, "aligned/luna5/aligned_fused/uar"],
    ),
    (
        f"{RESULTS}/speaker_adaptation.md",
        "rises from {:.1f} to {:.1f} %. With Whisper it rises from {:.1f} to {:.1f} %. "
        "Four clips bring {:.1f} and {:.1f}",
        [
            ADAPTED.format(0),
            ADAPTED.format(30),
            ENSEMBLE,
            ADAPTED_WHISPER.format(30),
            f"{ADAPTED.format(4)} - {ADAPTED.format(0)}",
            f"{ADAPTED_WHISPER.format(4)} - {ENSEMBLE}",
        ],
    ),
    (
        "experiments/dtw/README.md",
        "F0 adds {:.1f} ({:.1f} to {:.1f}), and a CNN {:.1f} ({:.1f} to {:.1f})",
        [f"{DTW}/{what}/{key}" for what in ("pitch", "network") for key in ("uar", "low", "high")],
    ),
    (
        "experiments/ladder/README.md",
        "which learns nothing, has {:.1f} and {:.1f} %",
        ["ladder_neighbour/augment_first/uar", "ladder_neighbour/speakers/uar"],
    ),
]


def percentage(source: str) -> float:
    """Look a figure up, or subtract two, in percent."""
    minuend, _, subtrahend = source.partition(" - ")
    if subtrahend:
        return percentage(minuend) - percentage(subtrahend)
    keys = source.split("/")
    path = PROJECT / "metrics" / keys.pop(0)
    if path.is_dir():
        path /= keys.pop(0)
    found: Any = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    for key in keys:
        found = found[int(key) if isinstance(found, list) else key]
    return 100 * float(found)


@pytest.mark.parametrize(("page", "sentence", "sources"), SENTENCES)
def test_sentences_give_the_committed_metrics(page: str, sentence: str, sources: list[str]) -> None:
    words = " ".join((PROJECT / page).read_text(encoding="utf-8").split())
    assert sentence.format(*map(percentage, sources)) in words


def test_the_random_split_exceeds_the_others_as_said() -> None:
    words = " ".join((PROJECT / RESULTS / "protocols.md").read_text(encoding="utf-8").split())
    models = json.loads((PROJECT / "metrics/protocols/article.json").read_text(encoding="utf-8"))
    ends = []
    for other in ("protocols/loso", "protocols/emobox6", "summary/luna5"):
        gains = [percentage(f"protocols/article/{it}/uar - {other}/{it}/uar") for it in models]
        ends += [min(gains), max(gains)]
    expected = (
        "exceeds LOSO by {:.0f} to {:.0f} percentage points, EMOBOX6 by {:.0f} to {:.0f} "
        "and LUNA5 by {:.0f} to {:.0f}"
    )
    assert expected.format(*ends) in words
    brief = f"{ends[-2]:.0f} to {ends[-1]:.0f} percentage points"
    for page, sentence in (
        (f"{RESULTS}/README.md", f"that were run under both {brief} more than LUNA5"),
        ("docs/protocols.md", f"its scores are lower: by {brief} under LUNA5"),
    ):
        assert sentence in " ".join((PROJECT / page).read_text(encoding="utf-8").split())
