"""The server's answers compared with expected answers, computed from raw rows in plain Python."""
