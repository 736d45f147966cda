"""Text becomes speech: ``spelling`` writes it out in words (pure), ``voices`` speaks it."""
