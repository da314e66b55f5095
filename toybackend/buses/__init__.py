"""How whoever serves a party learns that something waits for it."""
