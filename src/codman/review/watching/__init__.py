"""What is watched of a use once it runs: the plan, its windows, a partner's part of it, whether a report fits it."""
