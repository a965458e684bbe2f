"""From bytes to a witness: decode, blocks, zones, dates. Pure: no clock, disk, network or log."""
