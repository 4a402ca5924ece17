"""Putting right what is not: the acts on a run, and the look at every process."""
