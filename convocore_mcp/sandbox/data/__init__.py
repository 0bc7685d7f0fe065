"""The sandbox's generated conversations: each row is a function of a seed and a number."""
