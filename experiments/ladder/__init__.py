"""Leakage ablation: by how much each leak inflates UAR."""
