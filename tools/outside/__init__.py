"""What others made, beside what is here: another toolkit, and recordings of neutral speech."""
