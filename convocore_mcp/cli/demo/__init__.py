"""The command `demo`: what it asks, and how it shows the answers."""
