"""Odd input of every kind; see `tests.fuzz.bounds` for what must hold of each."""
