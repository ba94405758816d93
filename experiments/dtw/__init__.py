"""DTW-aligned features: LDAs and a CNN from scratch."""
