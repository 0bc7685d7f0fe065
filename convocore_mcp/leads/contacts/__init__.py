"""What makes two contact values one, and which values belong to nobody."""
