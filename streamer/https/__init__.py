"""HTTPS in an office without Internet: a small authority of its own, and the server's certificate.

Browsers give pages a microphone only over HTTPS or on localhost. ``loa https`` makes what that
takes; nothing has to be bought, and nobody outside has to be asked.
"""
