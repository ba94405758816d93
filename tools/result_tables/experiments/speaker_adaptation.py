"""Tables of unsupervised speaker adaptation: scores by the number of enrolment clips."""

from pathlib import Path

from tools.result_tables.cells import Scores, interval_of, markdown, percent, read, with_interval


def scores(metrics: Path) -> str:
    """Tabulate the models on the speaker encoder."""
    rows = []
    for n_clips, it in read(metrics / "enrolled.json").items():
        spread = "" if it["uar_sd"] is None else percent(it["uar_sd"])
        figures = [percent(it["uar"]), interval_of(it), percent(it["accuracy"]), spread]
        rows.append([n_clips, *figures, percent(it["lda_uar"])])
    heading = ["enrolment clips", "UAR", "95 % interval", "accuracy", "SD over draws", "UAR without the CNN"]
    return markdown(heading, rows)


def whisper_scores(metrics: Path) -> str:
    """Tabulate the ensemble on Whisper and the speaker encoder."""
    rows = []
    for n_clips, it in _with_whisper(metrics).items():
        spread = percent(it["uar_sd"]) if it.get("uar_sd") else ""
        others = [percent(it["accuracy"]), percent(it["macro_f1"])]
        rows.append([n_clips, percent(it["uar"]), interval_of(it), *others, spread])
    heading = ["enrolment clips", "UAR", "95 % interval", "accuracy", "macro-F1", "SD over draws"]
    return markdown(heading, rows)


def brief(metrics: Path) -> str:
    """Tabulate both by the number of clips."""
    with_whisper = _with_whisper(metrics)
    rows = [
        [n_clips, with_interval(it), with_interval(with_whisper[n_clips])]
        for n_clips, it in read(metrics / "enrolled.json").items()
    ]
    return markdown(
        ["enrolment clips", "speaker encoder, functionals and CNN", "Whisper and speaker encoder"], rows
    )


def _with_whisper(metrics: Path) -> dict[str, Scores]:
    """Read the scores of the ensemble on both encoders by the number of clips, none of them first."""
    unadapted = read(metrics / "whisper.json")["luna5"]["encoders_lda"]
    return {"0": unadapted, **read(metrics / "whisper_adaptation.json")}
