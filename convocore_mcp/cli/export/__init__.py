"""The command `export`: all rows of a list, as a file."""
