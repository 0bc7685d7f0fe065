"""Each command that the README, docs/ and packaging/ name is run by a test."""
