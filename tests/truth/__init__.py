"""What is right, worked out in plain Python over raw rows, and the server held against it."""
