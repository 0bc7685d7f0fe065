"""The sandbox's generated conversations: each row is a function of the seed and its number."""
