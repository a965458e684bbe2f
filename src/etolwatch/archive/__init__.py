"""What was received, as it was received: WARC files, and the catalog that finds things in them."""
