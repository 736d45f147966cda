"""Thousands of receivers in few processes, with the real protocol's code and no sound cards."""
