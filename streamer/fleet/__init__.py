"""The receivers as the server sees them: who they are, what they are sent, what they report."""
