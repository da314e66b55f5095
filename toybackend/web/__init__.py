"""The HTTP edge: one module per resource, one function that decides what an error looks like."""
