"""What was learned from a person's decisions: how right it would have been, what weighs, and deciding what is clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from catalog.errors import CuratorError
from catalog.judgement import Judgement, Weight
from catalog.records import VerdictName
from catalog.store import Store
from curator.tui.screens.ask import Confirm
from curator.tui.views import View, views
from curator.tui.working import AtHome
from curator.words import count, number, one_line

BAR = 16
WEIGHTS_SHOWN = 8
REASONS_SHOWN = 5


@dataclass(frozen=True)
class Lesson:
    """What there is to show: what was learned, or why nothing was, and what it would decide now."""

    judgement: Judgement | None
    problem: str
    accept: Sequence[str]
    reject: Sequence[str]
    undecided: int


class LearnedScreen(ModalScreen[View | None], AtHome):
    """Explains itself, and decides what is clear in one step that one undo takes back."""

    DEFAULT_CSS = """
    LearnedScreen VerticalScroll { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,L", "leave", "Close", tooltip="Back to the clips.", id="learned.close"),
        Binding("c", "clear_ones", "Decide the clear ones", tooltip="Accept and reject what is clear, in one step.",
                id="learned.clear"),
        Binding("d", "doubtful", "Doubtful first", tooltip="Show the clips by doubt.", id="learned.doubtful"),
        Binding("l", "learn", "Learn again", tooltip="Learn from all decisions made so far.", id="learned.learn"),
        Binding("x", "forget", "Forget", tooltip="Let nothing count as learned.", id="learned.forget"),
        Binding("j,down", "scroll(1)", "Down", show=False, tooltip="Scroll.", id="learned.down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, tooltip="Scroll.", id="learned.up"),
    ]  # fmt: skip

    def __init__(self, clip: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.clip = clip
        self.lesson: Lesson | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as frame:
            frame.border_title = "Learned from your decisions"
            with VerticalScroll():
                yield Static(id="learned-words")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Look at what there is."""
        self._read(again=False)

    def _read(self, *, again: bool) -> None:
        self.run_worker(partial(self._look, again), thread=True, group="lesson", exit_on_error=False)

    def _look(self, again: bool) -> None:
        try:
            lesson = lesson_of(self.home.store, again=again)
        except CuratorError as error:
            self.app.call_from_thread(self.home.complain, error)
            return
        self.app.call_from_thread(self._show, lesson)

    def _show(self, lesson: Lesson) -> None:
        self.lesson = lesson
        if self.is_mounted:
            self.query_one("#learned-words", Static).update(words_of(lesson, self.clip))
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what there is something for."""
        lesson = self.lesson
        if action == "clear_ones":
            return lesson is not None and bool(lesson.accept or lesson.reject)
        if action in ("doubtful", "forget"):
            return lesson is not None and lesson.judgement is not None
        return True

    def action_leave(self) -> None:
        """Back to the clips."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Move through the words."""
        self.query_one(VerticalScroll).scroll_relative(y=lines * 3, animate=False)

    def action_learn(self) -> None:
        """Learn from all decisions made so far."""
        self._read(again=True)

    def action_doubtful(self) -> None:
        """Show the clips by doubt."""
        view = next(each for each in views((), learned=True) if each.sort.startswith("doubt"))
        self.dismiss(view)

    def action_forget(self) -> None:
        """Let nothing count as learned."""
        self.home.write_then(lambda store: store.keep_judgement(None), lambda _: self._read(again=False))

    def action_clear_ones(self) -> None:
        """Ask, with the counts, and decide."""
        lesson = self.lesson
        if lesson is None:
            return
        question = (
            f"Accept {count(len(lesson.accept), 'clip')} and reject {len(lesson.reject):,} of {lesson.undecided:,}"
            " undecided ones? One undo (u) takes all of it back."
        )
        self.app.push_screen(Confirm(question, "Decide them"), self._decide)

    def _decide(self, sure: bool | None) -> None:
        from curator.learning import LEARNED

        lesson = self.lesson
        if not sure or lesson is None:
            return
        verdicts: dict[str, VerdictName] = dict.fromkeys(lesson.accept, "accepted")
        verdicts |= dict.fromkeys(lesson.reject, "rejected")
        words = f"{len(lesson.accept):,} accepted, {len(lesson.reject):,} rejected as learned; u takes it back"

        def done(_: int) -> None:
            self.home.say(words)
            if self.is_current:
                self.dismiss(None)

        self.home.write_then(lambda store: store.decide_each(verdicts, [LEARNED]), done)


def lesson_of(store: Store, *, again: bool) -> Lesson:
    """What was learned, learning first where asked or where nothing was yet; called in a thread."""
    from curator.learning import clear_clips, learn

    clips = store.clip_table()
    judgement, problem = store.judgement(), ""
    if again or judgement is None:
        try:
            judgement = learn(clips)
            store.keep_judgement(judgement)
        except CuratorError as error:
            problem = str(error)
    accept, reject = clear_clips(clips, judgement) if judgement else ([], [])
    undecided = clips["verdict"].to_pylist().count("undecided")
    return Lesson(judgement, problem, accept, reject, undecided)


def words_of(lesson: Lesson, clip: Mapping[str, Any] | None) -> Content:
    """All of it, as lines."""
    judgement = lesson.judgement
    lines = [Content(lesson.problem), Content("")] if lesson.problem else []
    if judgement is None:
        lines.append(
            Content.styled(
                "It stays in this library, and it decides nothing unless you tell it to (key c, once it is there).",
                "$foreground 60%",
            )
        )
        return Content("\n").join(lines)
    lines += figure_lines(judgement)
    lines += [Content(""), clear_line(lesson, judgement)]
    if clip is not None:
        lines += [Content(""), *clip_lines(judgement, clip)]
    lines += [Content(""), Content.styled("What weighs, over all of your decisions", "bold $accent")]
    heaviest = max(weight.share for weight in judgement.weights)
    lines += [weight_line(weight, heaviest) for weight in judgement.weights[:WEIGHTS_SHOWN]]
    lines.append(Content.styled("  Scores count from the middle of the speaker's clips.", "$foreground 60%"))
    return Content("\n").join(lines)


def figure_lines(judgement: Judgement) -> list[Content]:
    """From how many decisions, and how right on those it had not seen."""
    figures = judgement.figures
    decisions = int(figures["decisions"])
    first = (
        f"From {decisions:,} decisions of yours: {figures['accepted']:,} accepted, {figures['rejected']:,} rejected."
    )
    second = Content.assemble(
        "Judging each by a model that had not seen its ",
        "recording" if figures["kept_together"] == "recording" else "neighbours",
        ", it would have been right on ",
        (f"{figures['right']:,} of {decisions:,} ({share(figures['right'] / decisions)})", "bold"),
        ".",
    )
    lines = [Content(first), second]
    if figures["brier"] > 0.95 * figures["brier_of_guessing"]:
        lines.append(
            Content.styled("! That is no better than guessing: the scores do not show what you listen for.", "$warning")
        )
    lines.append(Content.styled(f"{'':10}{'precision':<26}recall", "$foreground 60%"))
    for verdict, mark, colour in (("accept", "✓", "$success"), ("reject", "✗", "$error")):
        found = figures[verdict]
        precision = f"{share(found['precision'])}  ({found['right']:,} of {found['said']:,})"
        lines.append(Content.assemble((f"{mark} {verdict:<8}", colour), f"{precision:<26}", share(found["recall"])))
    return lines


def clear_line(lesson: Lesson, judgement: Judgement) -> Content:
    """What would be decided now, and how right the same was on decisions so far."""
    if judgement.clear_accept is None and judgement.clear_reject is None:
        return Content("Nothing is clear enough yet to be decided for you: no limit was right 19 of 20 times for sure.")
    parts: list[Content | tuple[str, str] | str] = [("Clear now: ", "bold")]
    for verdict, clips, key in (("accept", lesson.accept, "clear_accept"), ("reject", lesson.reject, "clear_reject")):
        found = judgement.figures[key]
        so_far = f"{found['right']:,} of {found['said']:,} right so far" if found["said"] else "no such limit yet"
        parts.append(f"{verdict} {len(clips):,} ({so_far})   ")
    parts.append(f"of {lesson.undecided:,} undecided.")
    return Content.assemble(*parts)


def clip_lines(judgement: Judgement, clip: Mapping[str, Any]) -> list[Content]:
    """What speaks for and against the clip that the person came from."""
    heading = Content.styled("The clip under the cursor", "bold $accent")
    chance = judgement.chance(clip)
    if chance is None:
        return [heading, Content("  It has no scores, or a speaker that was not there when this was learned.")]
    lines = [heading, Content(f"  You would accept it with {share(chance)}.")]
    for score, effect in judgement.effects(clip)[:REASONS_SHOWN]:
        weight = next(each for each in judgement.weights if each.score == score)
        mark, colour = ("+", "$success") if effect > 0 else ("−", "$error")
        lines.append(
            Content.assemble((f"  {mark} {abs(effect):4.2f} ", colour), f"{score:<20}", distance_words(weight, clip))
        )
    return lines


def distance_words(weight: Weight, clip: Mapping[str, Any]) -> str:
    """A score of a clip and how far it is from its speaker's middle."""
    value = clip.get(weight.score)
    if weight.score == "duplicate_of":
        return "repeats another clip" if value else "repeats no other clip"
    if value is None:
        return "was not computed"
    middle = weight.middles.get(str(clip.get("speaker", "")))
    text = number(float(value), 2)
    if middle is None:
        return text
    away = float(value) - middle
    return (
        f"{text}, {number(abs(away), 2)} {'above' if away > 0 else 'below'} {one_line(str(clip['speaker']))}'s middle"
    )


def weight_line(weight: Weight, heaviest: float) -> Content:
    """One score: how much it moves the decisions, and which end speaks against a clip."""
    filled = round(BAR * weight.share / heaviest) if heaviest else 0
    if weight.score == "duplicate_of":
        side = "a repeat" if weight.effects[-1] < weight.effects[0] else "no repeat"
    else:
        side = "low" if weight.effects[-1] > weight.effects[0] else "high"
    return Content.assemble(
        f"  {weight.score:<20}",
        ("━" * filled, "$primary"),
        ("─" * (BAR - filled), "$foreground 20%"),
        f"  {side} speaks against a clip",
    )


def share(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "–" if value is None else f"{value * 100:.0f} %"
