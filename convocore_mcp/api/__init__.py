"""Convocore's HTTP API: requests, pages, typed records. It does not decide what a lead is worth.

`client` is the only module that sends requests. `wire`, `conversation_record` and
`error_responses` say what a response means, `page_number_plan` which page to request next. They
are pure.
"""
