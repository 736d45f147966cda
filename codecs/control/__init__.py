"""What the server and the boxes say to each other: messages, frames of audio, signatures, codes."""
