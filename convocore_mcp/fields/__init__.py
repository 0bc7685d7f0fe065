"""The vocabulary of questions: the table of fields, conditions over them, times as people say them.

Pure: no clock, no query, no request. `table` declares the fields; `conditions` reads `where`;
`times` reads `7d` and `last_week`; `numbers` and `crm_dates` read what people and CRMs write.
"""
