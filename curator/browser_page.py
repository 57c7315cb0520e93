"""The page around the terminal in the browser: the terminal itself, and the element that plays the clips.

Separate because it is text, not code of this process. It loads nothing from anywhere else. The terminal's script opens
a WebSocket when the page is loaded; the page listens on the same one for what is to be heard, and sets the audio's
source to an address that the server knows.
"""

from __future__ import annotations

from html import escape

REFUSED = """<!doctype html><meta charset="utf-8"><title>curator</title>
<p>This page needs the address that <code>curator serve</code> printed, with the secret in it.</p>"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>curator</title>
<link rel="stylesheet" href="/static/css/xterm.css">
<style>
@font-face {{ font-family: "Roboto Mono"; src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf"); }}
html, body {{ margin: 0; height: 100%; background: #15181d; color: #d4d8df; overflow: hidden; }}
#ended {{ display: none; position: fixed; inset: 0; align-items: center; justify-content: center; gap: 1rem;
  font: 16px "Roboto Mono", monospace; background: #15181dee; }}
body.-closed #ended {{ display: flex; }}
#ended button {{ font: inherit; padding: .5rem 1rem; }}
</style>
<script>
const Socket = window.WebSocket;
window.WebSocket = class extends Socket {{
  constructor(...given) {{
    super(...given);
    this.addEventListener("message", event => {{
      if (typeof event.data !== "string") return;
      const [kind, what] = JSON.parse(event.data);
      if (kind !== "curator_sound") return;
      const audio = document.getElementById("sound");
      audio.pause();
      audio.loop = what.loop;
      if (what.url) {{
        audio.src = what.url;
        audio.play().catch(error => console.warn("not played:", error.name));
      }} else audio.removeAttribute("src");
    }});
  }}
}};
const focusTerminal = () => document.querySelector(".xterm-helper-textarea")?.focus();
window.addEventListener("load", () => setTimeout(focusTerminal, 100));
window.addEventListener("focus", focusTerminal);
</script>
<script src="/static/js/textual.js"></script>
</head>
<body>
<div id="terminal" class="textual-terminal" data-session-websocket-url="{socket}" data-font-size="15"></div>
<audio id="sound" preload="auto"></audio>
<div id="ended">
<span>The app was closed; jobs go on.</span><button onclick="location.reload()">Open again</button>
</div>
</body>
</html>
"""


def page(socket: str) -> str:
    """The page for a terminal whose connection is at the WebSocket address `socket`."""
    return _PAGE.format(socket=escape(socket, quote=True))
