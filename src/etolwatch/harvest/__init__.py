"""From what is due to what is kept: plan a visit, fetch it, decide what it is, append it."""
