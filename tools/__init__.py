"""Helpers for working on the project: ``python -m tools.NAME --help`` explains each."""
