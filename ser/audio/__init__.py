"""Sound in and out: any format or stream as mono blocks, RAVDESS clips to the bit, augmented copies."""
