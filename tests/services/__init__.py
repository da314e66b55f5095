"""The business, one file per module of `toybackend/services/`."""
