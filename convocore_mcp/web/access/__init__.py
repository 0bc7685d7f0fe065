"""Who may connect, and from where: bearer tokens, OAuth, and the host policy."""
