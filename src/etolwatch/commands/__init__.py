"""The commands. Each reads its words, calls one room, and prints what came back."""
