"""The whole DAG, run for real on the synthetic corpus."""
