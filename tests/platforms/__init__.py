"""What differs on Windows and macOS, with Linux made to behave so."""
