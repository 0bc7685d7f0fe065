"""The values of fields in the mirror: narrow tables, one row a version (`store.field_queries`).

`field_columns` derives columns from the table of fields, `field_tables` declares the tables.
`conversation_values` and `lead_values` make their rows, `field_writer` writes them. `row_tables` is
a table as a question sees it, `shown_values` what an answer shows of it.
"""
