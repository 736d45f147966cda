"""The parts of the running server that calls of the API need, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from loa.streamer.desk.air import Air
from loa.streamer.desk.bulletin_audio import Hearings
from loa.streamer.desk.deliveries import Deliveries
from loa.streamer.desk.identity import Identity
from loa.streamer.desk.preparer import Preparer
from loa.streamer.desk.reports import Reports
from loa.streamer.desk.uploads import Uploads
from loa.streamer.speech.voices import Voices

if TYPE_CHECKING:
    from loa.streamer.fleet.fleet import Fleet
    from loa.streamer.http.push import Push
    from loa.streamer.https.offer import Offer


@dataclass(frozen=True, slots=True)
class Services:
    """What works beside the desk; ``server.py`` makes one."""

    air: Air
    identity: Identity
    uploads: Uploads
    preparer: Preparer
    hearings: Hearings = field(default_factory=Hearings)
    voices: Voices = field(default_factory=Voices)
    """What can speak texts; by default nothing."""
    reports: Reports = field(default_factory=Reports)
    deliveries: Deliveries | None = None
    fleet: Fleet | None = None
    """The receivers that are connected; None where there is no door for them."""
    push: Push | None = None
    """Tells open pages what changes."""
    https: Offer | None = None
    """Where HTTPS is; None where nothing is to be said of it."""
