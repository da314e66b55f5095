"""The business: no SQL, no sockets, no HTTP. One noun per file; start with `delivery.py`."""
