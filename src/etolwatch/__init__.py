"""etolwatch watches a library of texts on the web and reports which words changed, and whether it said so."""

__version__ = "0.1.0"
