"""Tables of the README: four rows of results, five limits, and what each experiment found."""

from collections.abc import Mapping
from pathlib import Path

from ser.export.summary import MODEL
from tools.result_tables.cells import interval_of, markdown, percent, read
from tools.result_tables.experiments.leakage import MODELS as LADDER_MODELS
from tools.result_tables.luna5 import ranked

_BEFORE = "fused_transfer"
"""The best model without Whisper's encoder."""


def headline(metrics: Path) -> str:
    """Tabulate three pretrained models and one from scratch; the best, which is the one to beat, is bold."""
    main = read(metrics / "summary.json")["luna5"]
    general = read(metrics / "cross_corpus.json")["ravdess"]["clean"]["chosen"]
    models = [
        ("LDAs on three layers of Whisper-base: `ser predict --model ravdess`", "pretrained", main[MODEL]),
        ("the same, trained on nEMO as well: `ser predict`", "pretrained", general),
        ("log-mel CNN + LDA on a speaker encoder", "pretrained", main["fused_transfer"]),
        ("log-mel CNN + LDA on functionals", "from scratch", main["fused_scratch"]),
    ]
    best = max(it["uar"] for *_, it in models)
    rows = []
    for name, weights, it in models:
        uar = f"**{percent(it['uar'])}**" if it["uar"] == best else percent(it["uar"])
        rows.append([name, weights, uar, interval_of(it)])
    return markdown(["model", "weights", "UAR, %", "95 % interval"], rows)


def limits(metrics: Path) -> str:
    """List what the exported model's recipe does not do, with figures."""
    details = read(metrics / "details.json")["luna5"][MODEL]
    gender = {name: percent(it["uar"]) for name, it in details["per_gender"].items()}
    actors = [percent(details["per_actor"][actor]["uar"]) for actor in ranked(details["per_actor"])]
    uar, unseen = _by_condition(metrics), read(metrics / "unseen_corpora.json")
    trust = read(metrics / "trust.json")["general"]["measured"]
    sure = {condition: of["sure"] for condition, of in trust.items()}
    right = {condition: percent(of["accuracy"]) for condition, of in sure.items()}
    bullets = [
        "**Acted speech.** On four emotions of EMO-DB, German and never trained on, the model of `ser "
        f"predict` has {percent(unseen['general']['emodb']['uar'])} %, that of RAVDESS alone "
        f"{percent(unseen['ravdess']['emodb']['uar'])} % ([corpora](experiments/cross_corpus)). No score on "
        "speech that nobody acted is known.",
        f"**Quiet, close recordings.** UAR falls from {uar['clean']} to {uar['white_20']} % in white noise "
        f"at 20 dB SNR, to {uar['babble_20']} % in babble at 20 dB, to {uar['telephone']} % over a telephone "
        "([robustness](docs/results/robustness.md)).",
        f"**Voices differ.** UAR is {gender['female']} % on female and {gender['male']} % on male actors, "
        f"{actors[0]} % on the worst and {actors[-1]} % on the best actor.",
        f"**Sure, likely, not sure.** Sure answers of `general` are right in {right['ravdess']} % on "
        f"RAVDESS, {right['ravdess_corrupted']} % where it was corrupted, and {right['emodb']} % on EMO-DB, "
        f"where {percent(sure['emodb']['share'])} % are sure ([what each word is "
        "worth](docs/results/trust.md)).",
        f"**Reused test folds.** Designs were revised after test scores were known, so that {uar['clean']} % "
        "is, if anything, too good ([how often each test set was used](docs/results/test_set_use.md)).",
    ]
    return "\n".join(f"- {bullet}" for bullet in bullets)


def experiments(metrics: Path) -> str:
    """Tabulate the experiments, a line each: the question and what was found."""
    found: Mapping[str, tuple[str, str]] = {
        "whisper": ("What does transfer learning from Whisper-base add?", _whisper(metrics)),
        "dtw": ("What does alignment to reference utterances add, from scratch?", _dtw(metrics)),
        "distillation": ("Can small models learn from larger ones?", _distillation(metrics)),
        "speaker_adaptation": ("What are unlabelled clips of the speaker worth?", _adaptation(metrics)),
        "protocols": ("Do other folds change the result?", _protocols(metrics)),
        "ladder": ("How much does each leak inflate UAR?", _ladder(metrics)),
        "cross_corpus": ("What does a second corpus in training add elsewhere?", _corpora(metrics)),
        "recognizer": ("How is the exported model made?", "trained on all speakers; writes `ser/bundle`"),
    }
    rows = [[f"[{name}](experiments/{name})", *cells] for name, cells in found.items()]
    return markdown(["experiment", "question", "answer (UAR, LUNA5 unless it says otherwise)"], rows)


def _whisper(metrics: Path) -> str:
    best, main = read(metrics / "whisper.json")["luna5"]["encoders_lda"], read(metrics / "summary.json")
    return f"{percent(best['uar'])} rather than {percent(main['luna5'][_BEFORE]['uar'])} %"


def _dtw(metrics: Path) -> str:
    found = read(metrics / "aligned.json")
    return (
        f"{100 * found['adds']['luna5']['in_step']['uar']:+.1f} percentage points; "
        f"{percent(found['luna5']['aligned_fused']['uar'])} % with a CNN beside it"
    )


def _distillation(metrics: Path) -> str:
    found = read(metrics / "taught.json")
    return (
        f"{100 * found['adds']['luna5']['mean']['uar']:+.1f} percentage points; "
        f"{percent(found['luna5']['taught_fused']['uar'])} %"
    )


def _adaptation(metrics: Path) -> str:
    found = read(metrics / "enrolled.json")
    most = max(found, key=int)
    return f"{percent(found['0']['uar'])} % without any, {percent(found[most]['uar'])} % with {most}"


def _protocols(metrics: Path) -> str:
    uar = {
        protocol: percent(read(metrics / "protocols" / f"{protocol}.json")[_BEFORE]["uar"])
        for protocol in ("emobox6", "loso", "article")
    }
    return f"{uar['emobox6']} % (EMOBOX6), {uar['loso']} % (LOSO); a random split {uar['article']} %"


def _corpora(metrics: Path) -> str:
    found = read(metrics / "cross_corpus.json")["emodb"]
    return f"{percent(found['chosen']['uar'])} rather than {percent(found['ravdess']['uar'])} % on EMO-DB"


def _by_condition(metrics: Path) -> dict[str, str]:
    found = read(metrics / "robustness.json")["uar"]
    return {condition: percent(models[MODEL]["uar"]) for condition, models in found.items()}


def _ladder(metrics: Path) -> str:
    leaks = read(metrics / "ladder.json")["leaks"]
    by_points = sorted(
        (it["points"], LADDER_MODELS[it["model"]]) for it in leaks if it["leak"] == "random_split"
    )
    (least, weakest), *_, (most, strongest) = by_points
    return (
        f"a random split by {100 * least:.0f} ({weakest}) to {100 * most:.0f} percentage points ({strongest})"
    )
