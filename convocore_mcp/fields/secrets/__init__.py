"""What is secret: by its name, by its shape, and by where it stands."""
