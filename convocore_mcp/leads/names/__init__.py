"""How people write and say names and contacts: nicknames, forms of address, pasted contacts."""
