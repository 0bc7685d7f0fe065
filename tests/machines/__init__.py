"""What the machine does to the process and to the mirror's file (docs/guarantees.md)."""
