"""Models, their training and hyper-parameter search, and cross-validation: from a fold to predictions."""
