"""What is secret: by its name, by the name of the object around it, and by its shape."""
