"""Framings: push splitters from a body's bytes to the payloads of its events."""
