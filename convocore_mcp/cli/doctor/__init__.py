"""The command `doctor`: what is checked, and how the findings are shown."""
