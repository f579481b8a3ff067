"""The embedded cloud: a complete Deltacloud server kept in memory, driven by an injected clock."""
