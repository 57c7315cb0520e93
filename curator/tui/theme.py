"""The house theme: a dark one with few colours, each with one meaning.

Separate because screens use theme variables only, so that every built-in theme works as well.
"""

from __future__ import annotations

from textual.theme import Theme

HOUSE = Theme(
    name="curator",
    primary="#7aa2d6",
    secondary="#3b5576",
    accent="#d8a657",
    success="#8bbf7f",
    warning="#d8a657",
    error="#d97a7a",
    foreground="#d4d8df",
    background="#15181d",
    surface="#1a1e25",
    panel="#232933",
    dark=True,
    variables={
        "border": "#3a4352",
        "border-blurred": "#2a313c",
        "footer-background": "#1a1e25",
        "footer-key-foreground": "#d8a657",
        "footer-description-foreground": "#9aa3b0",
        "block-cursor-background": "#33486a",
        "block-cursor-foreground": "#f2f4f7",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#262d38",
        "input-selection-background": "#7aa2d6 35%",
        "scrollbar": "#323a47",
        "scrollbar-hover": "#465163",
        "scrollbar-active": "#7aa2d6",
        "scrollbar-background": "#15181d",
        "scrollbar-background-hover": "#15181d",
        "scrollbar-background-active": "#15181d",
        "scrollbar-corner-color": "#15181d",
    },
)
