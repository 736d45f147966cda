"""Webhooks as values: which happenings one is told of, how a message is signed, when it is retried.

A message is signed so that its receiver knows that it comes from here, and when it was sent: the
header ``Loa-Signature: t=<Unix seconds>,v1=<hex>`` has the HMAC-SHA256, with the webhook's secret
as the key, of ``t``, a full stop and the body as it was sent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime

KIND = re.compile(r"[a-z_]+(\.[a-z_]+)*\.?")
TEST = "webhook.test"
TRY_FOR = 24 * 3600.0
"""Seconds after which a message that could not be delivered is given up."""
_PAUSES = (10.0, 30.0, 60.0, 300.0, 900.0, 1800.0, 3600.0)


def moment(at: float) -> str:
    """Return a time (Unix seconds) as messages say it: ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def wanted(kind: str, kinds: Sequence[str]) -> bool:
    """Say whether a webhook with these ``kinds`` is told of ``kind``.

    ``bulletin.`` means all that begin so, ``bulletin.approved`` just that; none at all: everything.
    """
    return not kinds or any(
        kind.startswith(wish) if wish.endswith(".") else kind == wish for wish in kinds
    )


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the value of ``Loa-Signature`` for a body that is sent at ``at`` (Unix seconds)."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256)
    return f"t={at},v1={mac.hexdigest()}"


def pause(attempts: int) -> float:
    """Return how many seconds to wait after so many attempts (1 or more) that failed."""
    return _PAUSES[min(attempts, len(_PAUSES)) - 1]
