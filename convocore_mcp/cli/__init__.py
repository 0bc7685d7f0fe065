"""The command line: `main` starts serving over stdio, `commands` holds every other command."""
