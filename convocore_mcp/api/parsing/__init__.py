"""From bytes to values that can be stored: JSON as Convocore sends it, and the fields of a row."""
