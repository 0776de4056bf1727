"""One file a topic: a request in, a view made, a template shown. No SQL and no rules live here."""
