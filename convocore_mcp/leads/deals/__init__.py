"""What a deal is worth, as people type it."""
