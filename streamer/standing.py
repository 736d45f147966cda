"""What the configuration says of areas, read beside the tree of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loa.streamer.config_sections import AreaSetting
from loa.streamer.core.areas import AreaDraft, AreaTree, place
from loa.streamer.core.cues import Content
from loa.streamer.core.rights import BulletinClass, SourceToken, digest


@dataclass(frozen=True, slots=True)
class Standing:
    """What the configuration says of areas that the store has, too, by their present paths.

    ``contents``: what each plays when nothing else is on; ``tokens``: who may go live where;
    ``relays``: the alternative URL of each relay, or None.
    """

    contents: Mapping[str, Content]
    tokens: tuple[SourceToken, ...]
    relays: Mapping[str, str | None]


def standing(settings: Sequence[AreaSetting], tree: AreaTree) -> Standing:
    """Read the configured areas; one that was removed since is passed over."""
    named = place([AreaDraft(a.name, a.path, a.parent, a.station, a.aliases) for a in settings])
    contents: dict[str, Content] = {}
    tokens: list[SourceToken] = []
    relays: dict[str, str | None] = {}
    for draft, setting in zip(named, settings, strict=True):
        area = tree.find(draft.path)
        if area is None:
            continue
        if setting.relay is not None or setting.file is not None:
            file = str(setting.file) if setting.file is not None else None
            contents[area.path] = Content(setting.relay, file)
        if setting.relay is not None:
            relays.setdefault(setting.relay, setting.relay_alternative)
        for token in setting.tokens:
            secret = token.sha256 or token.password
            assert secret is not None  # config has checked it
            sha256 = secret.get_secret_value()
            if token.sha256 is None:
                sha256 = digest(sha256)
            tokens.append(SourceToken(sha256, area.path, BulletinClass[token.class_.upper()]))
    return Standing(contents, tuple(tokens), relays)
