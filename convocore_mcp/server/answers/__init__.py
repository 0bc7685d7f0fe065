"""What each tool answers: one module for each tool, of the same name, and the parts they share."""
