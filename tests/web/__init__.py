"""The HTTP edge, over real HTTP, with the house behind it as the server has it."""
