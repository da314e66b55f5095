"""The WebSocket edge: one connection is one reader and one bounded outbox with one writer."""
