"""Tests of the sandbox, against what Convocore documents and shows, and against itself."""
