"""Knowledge distillation: the models of experiments/dtw as students of larger encoders."""
