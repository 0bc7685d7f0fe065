"""Rows counted and added up by group.

`row_groups` answers. `group_columns` says what the engine groups by, `group_figures` what it adds
up. `top_groups` has the engine find the largest groups (by one field `largest_keys`);
`split_groups` adds up in Python the groups that are few, or whose keys only Python can make.
`group_keys` turns what the engine groups by into the keys of an answer.
"""
