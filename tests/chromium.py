"""Drives a real headless Chromium through its DevTools protocol: one page, evaluated scripts."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--mute-audio", "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0",
    "--no-proxy-server", "--window-size=700,500",
)  # fmt: skip


@dataclass
class Browser:
    """One page of a running browser; ``log`` holds what it wrote to its console."""

    websocket: aiohttp.ClientWebSocketResponse
    session: str = ""
    log: list[str] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=itertools.count)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        await self.websocket.send_json(message)
        async with asyncio.timeout(30):
            while True:
                answer = await self.websocket.receive_json()
                if answer.get("id") == number:
                    assert "error" not in answer, answer["error"]
                    return dict(answer["result"])
                if answer.get("method") == "Runtime.consoleAPICalled":
                    args = answer["params"]["args"]
                    self.log.append(" ".join(str(arg.get("value", "")) for arg in args))
                elif answer.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                    self.log.append(str(answer["params"]))

    async def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression; promises are awaited."""
        result = await self.call(
            "Runtime.evaluate",
            expression=script, returnByValue=True, awaitPromise=True, userGesture=True,
        )  # fmt: skip
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 20.0) -> Any:
        """Wait until an expression is true, and return it."""
        async with asyncio.timeout(seconds):
            while not (value := await self.run(script)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            return value

    async def open(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def screenshot(self, path: Path) -> None:
        shot = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shot["data"]))


@contextlib.asynccontextmanager
async def chromium(*flags: str) -> AsyncIterator[Browser]:
    """Start Chromium with an empty profile; it is gone afterwards, and so is the profile."""
    program = shutil.which("chromium")
    assert program, "Chromium is not installed (Debian: apt-get install chromium)"
    profile = Path(tempfile.mkdtemp(prefix="loa-chromium-"))
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        port_file = profile / "DevToolsActivePort"
        async with asyncio.timeout(30):
            while not port_file.exists() or len(port_file.read_text().split()) < 2:
                assert process.returncode is None, "Chromium ended at once"
                await asyncio.sleep(0.05)
        port, path = port_file.read_text().split()
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as websocket,
        ):
            browser = Browser(websocket)
            target = await browser.call("Target.createTarget", url="about:blank")
            attached = await browser.call(
                "Target.attachToTarget", targetId=target["targetId"], flatten=True
            )
            browser.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                await browser.call(f"{domain}.enable")
            try:
                yield browser
            finally:
                browser.session = ""
                with contextlib.suppress(Exception):
                    await browser.call("Browser.close")
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 10)
        if process.returncode is None:
            process.kill()
            await process.wait()
        shutil.rmtree(profile, ignore_errors=True)
