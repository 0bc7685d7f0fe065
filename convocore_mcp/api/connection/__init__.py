"""How requests reach Convocore: the HTTP client, as the environment wants it."""
