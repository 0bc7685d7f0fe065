"""Questions about rows and their fields, as scans of the narrow tables (`store.fields`).

`row_reader` answers. `field_conditions`, `row_orders` and `row_search` are conditions and orders as
SQL; `row_groups` counts and adds up.
"""
