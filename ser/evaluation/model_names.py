"""Names of the models in tables, figures and text."""

from types import MappingProxyType

MODEL_NAMES = MappingProxyType(
    {
        "dummy": "dummy",
        "decision_tree": "decision tree",
        "cnn": "first CNN",
        "cnn_augmented": "augmented CNN",
        "encoder_lda": "LDA on a speaker encoder",
        "encoder_lda_augmented": "LDA on a speaker encoder, augmented",
        "fused_scratch": "CNN and LDA, from scratch",
        "fused_transfer": "CNN and LDA on a speaker encoder",
        "layers_lda": "LDAs on Whisper's layers, corrupted copies",
        "layers_lda_clean": "LDAs on Whisper's layers",
        "lda": "LDA",
        "lda_augmented": "LDA, augmented",
        "logistic_regression": "logistic regression",
        "svm_rbf": "SVM (RBF)",
        "logmel_cnn": "log-mel CNN",
    }
)


def model_name(model: str) -> str:
    """Name a model in the middle of a sentence; an unknown one by its key."""
    return MODEL_NAMES.get(model, model.replace("_", " "))


def capitalized(words: str) -> str:
    """Words with which a title or a cell begins; names such as LDA stay as they are."""
    return words[:1].upper() + words[1:]


def model_title(model: str) -> str:
    """Name a model at the beginning of a title."""
    return capitalized(model_name(model))
