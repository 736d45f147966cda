"""How audio and messages are written: Ogg, Opus, media of all kinds, speech, loudness of files."""
