"""The app in a browser on this machine: the terminal through textual-serve, the sound through the page.

Separate from the command so that a test can serve without a terminal. A browser lets any page open a connection to the
loopback address, and other people may have accounts on the same machine; so everything but the terminal's own static
files asks for a secret that only the printed address holds, and the connection for the page's own origin as well.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from curator.browser_page import REFUSED, page

SOUNDS_VARIABLE = "CURATOR_SOUNDS"
"""Names, for the app's process, the folder where it leaves what is to be heard."""
SOUND_MESSAGE = "curator_sound"
COOKIE = "curator"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class SoundingService(AppService):
    """One tab's app process; what it wants to be heard is told to the page."""

    sounds: Path

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return {**super()._build_environment(width, height), SOUNDS_VARIABLE: str(self.sounds)}

    async def on_meta(self, data: bytes) -> None:
        """Pass a message about sound on to the page, everything else to the library's own handling."""
        message: dict[str, Any] = json.loads(data)
        if message.get("type") != SOUND_MESSAGE:
            await super().on_meta(data)
            return
        name = message.get("name")
        url = f"sound/{name}" if name else ""
        await self.remote_write_str(json.dumps([SOUND_MESSAGE, {"url": url, "loop": bool(message.get("loop"))}]))


class AppServer(Server):
    """Serves the app of one library on the loopback address, to whoever has the secret."""

    def __init__(self, library: Path, *, host: str = "127.0.0.1", port: int = 8472) -> None:
        command = [sys.executable, "-m", "curator", "--library", str(library)]
        quoted = subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)
        super().__init__(quoted, host=host, port=port, title="curator")
        self.secret = secrets.token_urlsafe(24)
        self._folder = tempfile.TemporaryDirectory(prefix="curator-sounds-")
        self.sounds = Path(self._folder.name)

    @property
    def address(self) -> str:
        """What to type into the browser; it holds the secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/?secret={self.secret}"

    async def make_app(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self.handle_page),
                web.get("/ws", self.handle_websocket),
                web.get("/sound/{name}", self.handle_sound),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", self.statics_path),
            ]
        )
        app.on_shutdown.append(self._clean_up)
        return app

    async def _make_app(self) -> web.Application:
        return await self.make_app()

    async def _clean_up(self, app: web.Application) -> None:
        self._folder.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nobody in without the secret, under another name than this machine's, or from another page."""
        if urlsplit(f"//{request.host}").hostname not in (*LOOPBACK, self.host):
            raise web.HTTPForbidden(text=REFUSED, content_type="text/html")
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text=REFUSED, content_type="text/html")
        if request.path.startswith("/static/"):
            return await handler(request)
        given = request.query.get("secret") or request.cookies.get(COOKIE, "")
        if not secrets.compare_digest(given.encode(), self.secret.encode()):
            raise web.HTTPForbidden(text=REFUSED, content_type="text/html")
        response = await handler(request)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
            response.headers["Referrer-Policy"] = "no-referrer"
        return response

    async def handle_page(self, request: web.Request) -> web.StreamResponse:
        """The page with the terminal; an address with the secret becomes one without it and a cookie."""
        if "secret" in request.query:
            response = web.Response(status=303, headers={"Location": "/"})
            response.set_cookie(COOKIE, self.secret, httponly=True, samesite="Strict", path="/")
            return response
        return web.Response(text=page(f"ws://{request.host}/ws"), content_type="text/html")

    async def handle_sound(self, request: web.Request) -> web.StreamResponse:
        """A sound that an app process left to be heard."""
        name = request.match_info["name"]
        file = self.sounds / f"{name}.wav"
        if not name.isalnum() or not file.is_file():
            raise web.HTTPNotFound(text="There is no such sound any more.")
        return web.FileResponse(file, headers={"Content-Type": "audio/wav"})

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """The connection of one tab, with an app process of its own."""
        socket = web.WebSocketResponse(heartbeat=15)
        await socket.prepare(request)
        service = SoundingService(
            self.command,
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=_closing(socket),
            download_manager=self.download_manager,
        )
        service.sounds = self.sounds
        try:
            await service.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await self._process_messages(socket, service)
        finally:
            await service.stop()
        return socket


def _closing(socket: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await socket.close()

    return close


def _cells(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, "")
    return min(max(int(text), 20), 1000) if text.isdecimal() else usual


async def _interrupted() -> None:
    """Wait for Ctrl+C or a request to end."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        except NotImplementedError:
            signal.signal(number, lambda *_: ended.set())
    await ended.wait()


def serve(library: Path, *, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until interrupted; `tell` hears the address once it answers. Raises OSError when the port is taken."""

    async def main() -> None:
        server = AppServer(library, host=host, port=port)
        runner = web.AppRunner(await server.make_app(), access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port)
            await site.start()
            if not port:
                server.port = runner.addresses[0][1]
            tell(server.address)
            await _interrupted()
        finally:
            await runner.cleanup()

    asyncio.run(main())
