"""What every decoder here raises for a peer's or user's bytes; never for a mistake of ours."""


class CodecError(Exception):
    """This audio cannot be read; the message says why, and what to do where something helps."""
