"""Measurements, each by one command (docs/performance.md).

`python -m benchmarks` measures speed, memory and tokens, `python -m benchmarks.questions` whether
answers are right, and `python benchmarks/load.py` the load that a server bears over HTTP.
"""
