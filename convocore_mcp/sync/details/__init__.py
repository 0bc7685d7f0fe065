"""Details: reading single conversations for what the rows of the list lack."""
