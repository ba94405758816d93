"""RAVDESS and other corpora: names, labels, manifest, download, protocols, folds, scaling, predictions."""
