"""Robustness to corruptions of the recordings."""
