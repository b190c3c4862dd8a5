"""Question → ranked passages, and why they are ranked so."""
