"""The offline mirror: a store, as of a time, as a tree of files that opens without a server.

plan (what is in it, what is missing and why) → names (where each lies) → pages (its bytes) →
tree (built beside, swapped in one step), and a colophon that says what it is.
"""
