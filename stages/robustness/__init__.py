"""Stages that measure robustness to corruptions of the recordings."""
