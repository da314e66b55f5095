"""The WebSocket edge, one file per module of `toybackend/gateway/`; no sockets here, those are in `end_to_end/`."""
