"""Carries pages from `api` to `store`, keeps bookmarks, and says how fresh an answer is.

`reading` copies; `upkeep` decides when, and lets callers wait for it. Nobody else writes to the
mirror.
"""
