"""``python -m loa.streamer.http.api`` prints the OpenAPI document, for the pages."""

import json

from loa.streamer.http.api.openapi import document
from loa.streamer.http.api.table import ROUTES

print(json.dumps(document(ROUTES), ensure_ascii=False))
