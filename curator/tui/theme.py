"""The house themes, dark and light, with few colours, each with one meaning, and which theme a terminal is given.

Separate because screens use theme variables only, so that every built-in theme works as well.
"""

from __future__ import annotations

from collections.abc import Iterable

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
DAY = Theme(
    name="curator-light",
    primary="#2f5f9e",
    secondary="#bcd0e8",
    accent="#8a5a00",
    success="#2f6f2a",
    warning="#8a5a00",
    error="#a83232",
    foreground="#22272e",
    background="#f7f6f2",
    surface="#ecebe5",
    panel="#e0dfd8",
    dark=False,
    variables={
        "border": "#b4b2a8",
        "border-blurred": "#cfcdc4",
        "footer-background": "#ecebe5",
        "footer-key-foreground": "#8a5a00",
        "footer-description-foreground": "#565c64",
        "block-cursor-background": "#c3d6ee",
        "block-cursor-foreground": "#14181d",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e0e4e8",
        "input-selection-background": "#2f5f9e 30%",
        "scrollbar": "#c4c2b8",
        "scrollbar-hover": "#a8a69c",
        "scrollbar-active": "#2f5f9e",
        "scrollbar-background": "#f7f6f2",
        "scrollbar-background-hover": "#f7f6f2",
        "scrollbar-background-active": "#f7f6f2",
        "scrollbar-corner-color": "#f7f6f2",
    },
)
AUTO = "auto"
PLAIN = "ansi-dark"
"""The terminal's own sixteen colours, for terminals that have no more."""


def theme_for(chosen: str, available: Iterable[str], color_system: str | None) -> str:
    """The theme to begin with: the chosen one where there is one of that name, else by what the terminal can show.

    `color_system` is what rich found: "truecolor", "256", "standard" (eight or sixteen colours), "windows" or None.
    """
    if chosen in set(available):
        return chosen
    return HOUSE.name if color_system in ("truecolor", "256") else PLAIN
