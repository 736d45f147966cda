"""Playlists, Icecast's status, the page's files: what they say, and to whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from xml.etree import ElementTree

import aiohttp
import pytest
from aiohttp import web
from serving import FixedMounts, Serving, serving

from loa.streamer.air.mounts import MountInfo, OnAir
from loa.streamer.http.pages import Pages

LISTEN = "/ha-giang/na-khuong.opus"


def pages(app: web.Application, server: Serving) -> None:
    Pages(server.mounts, server.listeners, "1.2.3", 1_700_000_000).add_routes(app.router)


@pytest.mark.parametrize(
    ("extension", "media_type"),
    [
        ("m3u", "audio/x-mpegurl"),
        ("pls", "audio/x-scpls"),
        ("xspf", "application/xspf+xml"),
    ],
)
async def test_playlists(extension: str, media_type: str) -> None:
    async with serving(routes=pages) as server, aiohttp.ClientSession() as client:
        url = f"{server.url}/ha-giang/na-khuong.{extension}"
        async with client.get(url) as response:
            assert response.status == 200 and response.content_type == media_type
            text = await response.text()
            assert server.url + LISTEN in text and "Nà Khương" in text
            if extension == "xspf":
                space = "{http://xspf.org/ns/0/}"
                location = ElementTree.fromstring(text).find(f".//{space}location")
                assert location is not None and location.text == server.url + LISTEN
        async with client.get(url + "?cadence=low") as response:
            assert server.url + LISTEN + "?cadence=low" in await response.text()
        async with client.get(url + "?cadence=%0Afaster") as response:
            assert "faster" not in await response.text()
        async with client.get(f"{server.url}/nowhere.{extension}") as response:
            assert response.status == 404
        for host, expected in (
            ("radio.example:81", "http://radio.example:81"),
            ("[::1]:8000", "http://[::1]:8000"),
            ("evil.example/<script>", server.url),
            ("a b", server.url),
        ):
            async with client.get(url, headers={"Host": host}) as response:
                text = await response.text()
                assert expected + LISTEN in text and "script" not in text


async def test_status_as_icecast_has_it() -> None:
    async with serving(routes=pages) as server, aiohttp.ClientSession() as client:
        async with client.get(server.url + "/status-json.xsl") as response:
            assert response.content_type == "application/json"
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            stats = json.loads(await response.text())["icestats"]
        assert stats["server_id"] == "Loa 1.2.3"
        assert stats["server_start_iso8601"] == "2023-11-14T22:13:20+0000"
        assert [source["server_name"] for source in stats["source"]] == ["Nà Khương", "Bản Rừa"]
        first = stats["source"][0]
        assert first["listenurl"] == server.url + LISTEN
        assert (first["title"], first["listeners"]) == ("Bản tin sáng", 0)
        # One mount alone is an object, not a list; none is nothing.
        query = "/status-json.xsl?mount=/ha-giang/ban-rua"
        async with client.get(server.url + query) as response:
            stats = json.loads(await response.text())["icestats"]
            assert stats["source"]["server_name"] == "Bản Rừa"
        async with client.get(server.url + "/status-json.xsl?mount=/none") as response:
            assert "source" not in json.loads(await response.text())["icestats"]


async def test_what_there_is_to_hear() -> None:
    async with serving(routes=pages) as server, aiohttp.ClientSession() as client:
        async with client.get(server.url + "/api/v1/mounts") as response:
            mounts = (await response.json())["mounts"]
            assert mounts[0]["stream"] == LISTEN
            assert mounts[0]["on_air"] == {"kind": "file", "title": "Bản tin sáng", "since": None}
            assert mounts[1]["on_air"]["kind"] == "silence"
        for path, names in (("/ha-giang/ban-rua", ["Bản Rừa"]), ("/none", [])):
            async with client.get(server.url + f"/api/v1/mounts?path={path}") as response:
                found = (await response.json())["mounts"]
                assert [mount["name"] for mount in found] == names


async def test_what_all_stations_carry_is_made_once_for_all_who_ask() -> None:
    now = 100.0
    looks = 0

    def counted(app: web.Application, server: Serving) -> None:
        class Counted(FixedMounts):
            def all(self) -> Sequence[MountInfo]:
                nonlocal looks
                looks += 1
                return super().all()

        mounts = Counted(server.mounts.mounts, carried=server.mounts.carried)
        made = Pages(mounts, server.listeners, "1.2.3", 1_700_000_000, clock=lambda: now)
        made.add_routes(app.router)

    async with serving(routes=counted) as server, aiohttp.ClientSession() as client:
        list_, status = server.url + "/api/v1/mounts", server.url + "/status-json.xsl"

        async def ask(url: str, **headers: str) -> tuple[int, str, bytes]:
            async with client.get(url, headers=headers) as response:
                return response.status, response.headers.get("ETag", ""), await response.read()

        first = await asyncio.gather(*(ask(list_) for _ in range(20)))
        assert looks == 1 and len(set(first)) == 1
        status_code, etag, body = first[0]
        assert status_code == 200 and etag.startswith('W/"')
        assert (await ask(list_, **{"If-None-Match": etag}))[0] == 304
        assert (await ask(list_, **{"Accept-Encoding": "identity"}))[2] == body
        await asyncio.gather(*(ask(status, Host=f"a{number}.example") for number in range(20)))
        assert looks == 2, "whatever the server is called"

        # Somebody more who listens is no news; another programme is.
        now += 1.0
        async with client.get(server.url + LISTEN) as stream:
            await stream.content.readany()
            code, same, _ = await ask(list_, **{"If-None-Match": etag})
        assert (code, same) == (304, etag) and looks == 3
        server.mounts.carried[server.mounts.mounts[0].number] = OnAir("live", "Trực tiếp")
        assert (await ask(list_, **{"If-None-Match": etag}))[0] == 304, "not yet"
        now += 1.0
        code, other, body = await ask(list_, **{"If-None-Match": etag})
        assert code == 200 and other != etag and "Trực tiếp" in body.decode()


async def test_some_stations_are_asked_for_by_name() -> None:
    async with serving(routes=pages) as server, aiohttp.ClientSession() as client:
        query = "?path=/none&path=/ha-giang/ban-rua&path=/ha-giang/na-khuong"
        async with client.get(server.url + "/api/v1/mounts" + query) as response:
            found = [mount["path"] for mount in (await response.json())["mounts"]]
        assert found == ["/ha-giang/ban-rua", "/ha-giang/na-khuong"]
