"""How lists end, and lists whose pages cannot be chosen freely."""
