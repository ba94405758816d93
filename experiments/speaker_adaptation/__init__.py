"""Unsupervised speaker adaptation by a few clips."""
