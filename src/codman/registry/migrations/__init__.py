"""How the database got from one release's tables to the next's."""
