"""The REST API: ``routes()`` are all of them."""
