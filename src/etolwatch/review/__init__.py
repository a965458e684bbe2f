"""What people judge of findings: an append-only journal, what follows from it, and its ways in and out."""
