"""Rows counted and added up by group.

`row_groups` answers. `group_columns` says what the engine groups by, `group_figures` what it adds
up; `top_groups` finds the largest groups in the engine (by one field `largest_keys`),
`split_groups` those whose keys only Python knows. `group_keys` turns what the engine groups by into
the keys of an answer.
"""
