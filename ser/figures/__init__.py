"""Figures of corpus, results and calibration: from tables and metrics to matplotlib figures."""
