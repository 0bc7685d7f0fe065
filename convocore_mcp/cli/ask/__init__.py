"""The command `ask`: one call of a tool, and its answer as tables."""
