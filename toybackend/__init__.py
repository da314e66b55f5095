"""A voice-messaging backend for children's smart toys."""

__version__ = "0.1.0"
