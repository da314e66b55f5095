"""The command line: one module per command; `cli.py` only lists them."""
