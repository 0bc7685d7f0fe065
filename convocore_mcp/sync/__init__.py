"""Carries pages from `api` to `store`, keeps bookmarks, and says how fresh an answer is.

`reading` copies, and `progress` knows how far; `upkeep` decides when, and lets callers wait for the
`flight`, which waits in the `queue` while another process reads; `watch` reads on while somebody
listens. Nobody else writes to the mirror.
"""
