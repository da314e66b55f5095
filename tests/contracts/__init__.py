"""One suite per port of `toybackend/ports.py`; every adapter is held to it. Adapters are listed in `conftest.py`."""
