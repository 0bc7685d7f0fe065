"""What is measured, each by one command: how fast (`compare.py`), how well (`questions`)."""
