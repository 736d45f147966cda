"""What anybody hears of a plain mount: a client that plays it, without identity or commands."""
