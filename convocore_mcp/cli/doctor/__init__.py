"""The command `doctor`: what is checked, and how it is told."""
