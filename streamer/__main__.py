"""``python -m loa.streamer`` is the ``loa`` command."""

from loa.streamer.cli import main

main()
