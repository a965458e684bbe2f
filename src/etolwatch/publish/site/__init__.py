"""The findings as a site of plain files, for everyone to read: no server, no script, nothing loaded."""
