"""The HTTP edge, over real HTTP, with real services and files; only the database and the store are fakes."""
