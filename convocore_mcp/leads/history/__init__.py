"""What happened with a lead, what comes next, and what the visitor said."""
