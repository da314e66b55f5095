"""What is particular to one bus; what every one must do is in `contracts/`."""
