"""The commands: `main` starts plain serving, `commands` holds everything that a person types."""
