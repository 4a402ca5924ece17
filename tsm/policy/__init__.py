"""Pure decisions: the past goes in, a decision comes out."""
