"""Fields in the mirror: narrow tables of their values, and the questions that scan them.

`field_columns` derives columns from the table of fields, `field_tables` declares the tables.
`conversation_values` and `lead_values` make their rows, `field_writer` writes them.
`field_conditions`, `row_orders` and `row_search` are conditions and orders as SQL, `shown_values`
reads what answers show, `row_groups` counts and adds up, and `row_reader` answers.
"""
