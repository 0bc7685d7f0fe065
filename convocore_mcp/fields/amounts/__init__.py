"""Numbers and currencies as people write them."""
