"""The reviewing pages and the replay: one small server over a store, which it never writes to."""
