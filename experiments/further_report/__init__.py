"""Further report."""
