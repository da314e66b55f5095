"""Tests: one file per module, contracts per port, the whole house over real sockets. See `tests/test_one_to_one.py`."""
