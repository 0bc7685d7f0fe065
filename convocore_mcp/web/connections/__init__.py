"""The TCP connections of the HTTP server: how many there may be, and what each may take.

These bounds hold before a request is parsed. A client without a valid token gets few connections.
"""
