"""Fault injection: stages are disturbed, and `dvc repro` must recover to the same outputs."""
