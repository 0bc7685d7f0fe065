"""Details of single conversations in the mirror: which are wanted, which were read, what they add.

Source: docs/architecture.md, "Details".
"""
