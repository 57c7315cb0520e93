"""The app in the browser: who is let in, that the app draws, and that a clip is heard through the page."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog import audio
from catalog.library import Library
from catalog.records import Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store

pytest.importorskip("textual_serve")

import aiohttp
from aiohttp import web

from curator.serve import COOKIE, AppServer

RATE = 16000
BROWSERS = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture
def sounding(library: Library, tmp_path: Path) -> Library:
    """A library with one clip of two seconds."""
    path = tmp_path / "take.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(2 * RATE) / 20), RATE)
    digest = audio.sha256(path)
    recording = Recording(digest[:16], digest, str(path), "alto", RATE, 1, 2 * RATE, "WAV/PCM_16", path.stat().st_size)
    clip = Clip(clip_id(recording.id, 0, 2 * RATE), recording.id, 0, 2 * RATE)
    with Store(library) as store:
        store.take_in(Analysis(recording, None, [clip], [], [Scoring(clip.id, {"snr_db": 40.0}, {"x": 1})], "test"))
    return library


@pytest.fixture
async def server(sounding: Library) -> AsyncIterator[AppServer]:
    """The app's server on a free port."""
    served = AppServer(sounding.root, port=0)
    runner = web.AppRunner(await served.make_app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.port = runner.addresses[0][1]
    yield served
    await runner.cleanup()


def at(server: AppServer, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


async def status(server: AppServer, path: str, **options: Any) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.get(at(server, path), allow_redirects=False, **options) as got,
    ):
        return got.status


async def test_only_the_printed_address_opens_the_page(server: AppServer) -> None:
    cookie = {"Cookie": f"{COOKIE}={server.secret}"}
    assert await status(server, "/") == 403
    assert await status(server, "/?secret=wrong") == 403
    assert await status(server, "/ws") == 403
    assert await status(server, "/sound/abc") == 403
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session, session.get(server.address) as page:
        text = await page.text()
        assert page.status == 200
        assert page.url.query_string == ""
        assert f"ws://127.0.0.1:{server.port}/ws" in text
        assert re.findall(r"https?://", text) == [], "the page loads nothing from anywhere else"
    assert await status(server, "/", headers=cookie) == 200
    assert await status(server, "/", headers=cookie | {"Host": "elsewhere.example"}) == 403
    assert await status(server, "/ws", headers=cookie | {"Origin": "https://elsewhere.example"}) == 403
    assert await status(server, "/sound/..%2f..%2fetc", headers=cookie) == 404
    assert await status(server, "/static/js/textual.js") == 200


@pytest.mark.skipif(sys.platform == "win32", reason="the app's process is ended by signals")
async def test_the_app_draws_in_the_page_and_a_key_makes_it_sound(server: AppServer) -> None:
    headers = {"Cookie": f"{COOKIE}={server.secret}", "Origin": f"http://127.0.0.1:{server.port}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.ws_connect(at(server, "/ws?width=100&height=30")) as socket,
    ):
        await until(socket, lambda text: b"Library" in text and b"take.wav" in text)
        await socket.send_str(json.dumps(["stdin", "2"]))
        # the line under the picture: the clip is read and can be played
        await until(socket, lambda text: b"take.wav" in text and b"0.00 s" in text)
        await socket.send_str(json.dumps(["stdin", " "]))
        message = await sound(socket)
        async with session.get(at(server, "/" + message["url"])) as got:
            body = await got.read()
        assert got.headers["Content-Type"] == "audio/wav"
        assert body[:4] == b"RIFF"
        assert len(body) == pytest.approx(2 * RATE * 2, rel=0.05)
        await socket.send_str(json.dumps(["stdin", " "]))
        assert (await sound(socket))["url"] == ""
        async with session.get(at(server, "/" + message["url"])) as gone:
            assert gone.status == 404


async def until(socket: aiohttp.ClientWebSocketResponse, seen: Callable[[bytes], bool]) -> bytes:
    """Read what the app draws until something is seen."""
    text = b""
    async with asyncio.timeout(60):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                text += message.data
                if seen(text):
                    return text
    raise AssertionError(f"the app closed without drawing it; it drew {text[-400:]!r}")


async def sound(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    """The next message about sound."""
    async with asyncio.timeout(60):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                kind, what = json.loads(message.data)
                if kind == "curator_sound":
                    return dict(what)
    raise AssertionError("the app closed without a sound")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; $CHROMIUM names one")
async def test_a_browser_shows_the_app_and_plays_the_clip(server: AppServer, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(CHROMIUM),
        *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--mute-audio"),
        *("--autoplay-policy=no-user-gesture-required", f"--user-data-dir={tmp_path / 'browser'}", "about:blank"),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(120):
            while not (found := re.search(r"ws://([\d.:]+)/", (await process.stderr.readline()).decode())):
                pass
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://{found[1]}/json/list") as listed:
                    tab = next(each for each in await listed.json() if each["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"]) as browser:
                    await ask(browser, "Page.navigate", url=server.address)
                    await wait_for(browser, "document.body && document.body.classList.contains('-first-byte')")
                    await wait_for(browser, "document.querySelector('.xterm-screen') !== null")
                    await wait_for(browser, "document.activeElement.className === 'xterm-helper-textarea'")
                    while not await value(browser, "document.getElementById('sound').duration > 1.9"):
                        await press(browser, "2")
                        await press(browser, " ")
                        await asyncio.sleep(1)
                    await wait_for(browser, "document.getElementById('sound').currentTime > 0.2")
                    assert "secret" not in await value(browser, "location.href")
    finally:
        process.terminate()
        await process.wait()


async def ask(browser: aiohttp.ClientWebSocketResponse, method: str, **given: Any) -> dict[str, Any]:
    """One command of the DevTools protocol and its answer."""
    await browser.send_json({"id": 1, "method": method, "params": given})
    while True:
        answer = await browser.receive_json()
        if answer.get("id") == 1:
            return dict(answer.get("result", {}))


async def value(browser: aiohttp.ClientWebSocketResponse, expression: str) -> Any:
    result = await ask(browser, "Runtime.evaluate", expression=expression)
    return result.get("result", {}).get("value")


async def wait_for(browser: aiohttp.ClientWebSocketResponse, expression: str) -> None:
    """Wait until something is true in the page; the caller sets the time."""
    while not await value(browser, expression):
        await asyncio.sleep(0.1)


async def press(browser: aiohttp.ClientWebSocketResponse, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        await ask(browser, "Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")
