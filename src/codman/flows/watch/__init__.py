"""Following a use that runs: what is planned, what is seen, what is done about it."""
