"""Convocore fails in every way that we could think of, at every moment of reading it."""
