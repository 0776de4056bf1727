"""Review: from a use before a checkpoint to a signed decision, and what the decision asks for afterwards."""
