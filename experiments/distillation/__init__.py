"""Knowledge distillation: the models of experiments/dtw as students of LDAs on pretrained encoders."""
