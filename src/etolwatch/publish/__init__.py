"""From findings to what a person reads: the terminal, Markdown, one HTML file, JSON."""
