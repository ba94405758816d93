"""From predictions to scores: metrics, bootstrap, calibration, leakage tests, human baseline."""
