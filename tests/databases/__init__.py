"""What is particular to our SQL; what every database must do is in `contracts/`."""
