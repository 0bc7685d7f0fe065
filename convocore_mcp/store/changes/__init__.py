"""The feed of changes, read from the versions of conversations and of leads."""
