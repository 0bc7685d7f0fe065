"""What is measured, each by one command.

`python -m benchmarks` tells how fast everything is, `python -m benchmarks.questions` how well
questions are answered, and `python benchmarks/load.py` how many callers are borne over HTTP.
"""
