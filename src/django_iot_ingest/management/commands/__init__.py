"""One module for each command; the work itself is done elsewhere."""
