"""`python -m toybackend`."""

from toybackend.commands.cli import main

main()
