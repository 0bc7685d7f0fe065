"""The TCP connections of the HTTP server: how many there may be, and what each may take.

This is what stands in front of the parser. A client that has not shown a token gets little of it.
"""
