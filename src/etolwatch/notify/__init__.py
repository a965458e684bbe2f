"""Telling people: an outbox that loses nothing, and the ways out of it."""
