"""One suite per port of `toybackend/ports.py`; every adapter is held to it. A new adapter is one line in `conftest.py`."""
