"""The board: how it is built, and how it behaves in a real browser."""
