"""What is particular to one audio store; what every one must do is in `contracts/`."""
