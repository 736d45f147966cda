"""Budgets that are enforced, peers measured in the same run, and floors; see README.md."""
