"""Names of the main pipeline's models in tables."""

from collections.abc import Mapping

from ser.evaluation.model_names import model_title

TABLE_NAMES: Mapping[str, str] = {
    "dummy": "dummy",
    "decision_tree": "decision tree",
    "cnn": "first CNN",
    "cnn_augmented": "augmented CNN",
    "layers_lda": "LDAs on Whisper's layers, corrupted copies",
    "layers_lda_clean": "LDAs on Whisper's layers",
    "fused_transfer": "late fusion: CNN, LDA on speaker encoder",
    "encoder_lda_augmented": "LDA on speaker encoder, speed perturbation",
    "encoder_lda": "LDA on speaker encoder",
    "fused_scratch": "late fusion: CNN, LDA on functionals",
    "logmel_cnn": "log-mel CNN",
    "lda_augmented": "LDA on functionals, speed perturbation",
    "lda": "LDA on functionals",
    "logistic_regression": "logistic regression on functionals",
    "svm_rbf": "SVM (RBF) on functionals",
}


def short_name(model: str) -> str:
    """Name a model; one that has no name above has that of `ser.evaluation.model_names`."""
    return TABLE_NAMES.get(model, model_title(model))


def table_name(model: str) -> str:
    """Name a model, with its key in the metrics."""
    return f"{short_name(model)} (`{model}`)"
