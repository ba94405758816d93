"""Speaker adaptation."""
