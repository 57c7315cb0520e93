"""The question under which name a filter is to be kept."""

from __future__ import annotations

from collections.abc import Sequence

from textual.widgets import Input

from catalog.errors import BadRequest
from curator.tui.screens.ask import Form
from curator.tui.widgets.field import Field


class SaveForm(Form[str]):
    """Asks for a name."""

    TITLE_TEXT = "Save the filter"
    BUTTON = "Save"

    def words(self) -> str:
        """What happens then."""
        return "It is offered under this name among the views (key o), together with the order the clips have."

    def fields(self) -> Sequence[Field]:
        """The name."""
        return [Field("Name", Input(placeholder="loud takes", id="name", compact=True), size="long")]

    def answer(self) -> str:
        """The name, which must be one."""
        name = " ".join(self.query_one("#name", Input).value.split())
        if not name:
            raise BadRequest("Type a name")
        return name
