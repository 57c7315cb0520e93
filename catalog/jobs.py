"""The job-folder protocol: how work in another process is asked for, watched, stopped and taken in.

A job is a folder: `request.json` frozen at the start, `events.jsonl` only appended to, a `stop` file to ask for a
clean end, `pid.json` for the process that owns it, and `result.json` written last and atomically. Separate from the
database because jobs never open it.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

import catalog
from catalog import atomic, shortage
from catalog.errors import BadRequest, CuratorError, JobFailed
from catalog.processes import is_alive, start_mark

JobState = Literal["waiting", "running", "stopping", "done", "failed", "stopped", "crashed"]
Outcome = Literal["done", "failed", "stopped"]
ENDED: frozenset[JobState] = frozenset(("done", "failed", "stopped", "crashed"))
PROTOCOL = 1
PROGRESS_EVERY_S = 0.1
RATE_OVER_S = 30.0


class Job:
    """One job folder, seen from outside: by the command or the app that asked for it."""

    def __init__(self, path: Path, kind: str, request: dict[str, Any], created_at: str) -> None:
        self.path = path
        self.kind = kind
        self.request = request
        self.created_at = created_at

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    @staticmethod
    def create(parent: Path, kind: str, request: dict[str, Any], *, job_id: str | None = None) -> Job:
        """Make the folder with its frozen request; raises BadRequest when `job_id` is taken or the disk is full."""
        now = datetime.now(UTC)
        path = Path(parent) / (job_id or f"{now:%Y%m%d-%H%M%S}-{kind}-{secrets.token_hex(3)}")
        created_at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        document = {"version": PROTOCOL, "kind": kind, "created_at": created_at, "request": request}
        with atomic.in_words(f"the job {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.mkdir()
            except FileExistsError as error:
                raise BadRequest(f"A job named {path.name} already exists in {path.parent}.") from error
            atomic.write_json(path / "request.json", document)
        return Job.open(path)

    @staticmethod
    def open(path: Path) -> Job:
        """The job in this folder; raises BadRequest when the folder holds none."""
        document = _read_json(Path(path) / "request.json")
        if document is None or not isinstance(document.get("request"), dict):
            raise BadRequest(f"{path} is not a job folder: it has no readable request.json.")
        if int(document.get("version", 0)) > PROTOCOL:
            raise BadRequest(f"{path} was made by a later version of this program.")
        return Job(Path(path), str(document["kind"]), document["request"], str(document.get("created_at", "")))

    def state(self) -> JobState:
        """Where the job stands; a dead process without a result means crashed."""
        outcome = self._outcome()
        if outcome:
            return outcome
        owner = _read_json(self.path / "pid.json") or _read_json(self.path / "started.json")
        if owner is None:
            return "waiting"
        if not is_alive(int(owner["pid"]), owner.get("mark")):
            return self._outcome() or "crashed"
        return "stopping" if self.stop_asked() else "running"

    def result(self) -> dict[str, Any] | None:
        """What the job gave: `outcome` and its fields, or None when it has not ended by itself."""
        return _read_json(self.path / "result.json")

    def ask_stop(self) -> None:
        """Ask for a clean end; the job looks for it between its steps."""
        (self.path / "stop").touch()

    def stop_asked(self) -> bool:
        """Whether a clean end was asked for."""
        return (self.path / "stop").exists()

    def events(self, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
        """The events from byte `offset` on, and the offset to go on from; a torn last line is left for later."""
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                file.seek(offset)
                text = file.read()
        except FileNotFoundError:
            return [], offset
        whole = text.rfind(b"\n") + 1
        return [event for event in map(_event, text[:whole].splitlines()) if event], offset + whole

    def start(self, module: str, environment: Mapping[str, str] | None = None) -> int:
        """Run `python -m module FOLDER` as a process that outlives this one; returns its process id.

        Variables of `environment` are set for it where this process has none of the name. A job that failed, was
        stopped or crashed may be started again: its events go on where they ended. Raises BadRequest when it is
        running or done.
        """
        state = self.state()
        if state in ("running", "stopping", "done"):
            raise BadRequest(f"The job {self.id} is {state} and cannot be started again.")
        for name in ("stop", "result.json", "pid.json", "started.json"):
            (self.path / name).unlink(missing_ok=True)
        process = self._spawn(module, environment or {})
        atomic.write_json(self.path / "started.json", {"pid": process.pid, "mark": start_mark(process.pid) or "ended"})
        threading.Thread(target=process.wait, name=f"wait {self.id}", daemon=True).start()
        return process.pid

    def _spawn(self, module: str, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        house = str(Path(catalog.__file__).resolve().parent.parent)
        paths = [house, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        environment = {**more, **os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}
        detached: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            own_group, no_console = 0x200, 0x8  # CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS
            detached = {"creationflags": own_group | no_console}
        with (self.path / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, str(self.path.resolve())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.path,
                env=environment,
                **detached,
            )

    def follow(self, poll_s: float = 0.1, *, offset: int = 0) -> Iterator[dict[str, Any]]:
        """Yield events as they come until the job has ended, blocking; ends as well when the process crashed."""
        while True:
            ended = self.state() in ENDED
            found, offset = self.events(offset)
            yield from found
            if ended:
                return
            time.sleep(poll_s)

    def outcome(self) -> dict[str, Any]:
        """The result of a job that must have been done; raises JobFailed in words when it was not."""
        state = self.state()
        result = self.result() or {}
        if state == "done":
            return result
        if state == "failed":
            raise JobFailed(str(result.get("error") or f"The job {self.id} failed; see {self.path / 'log.txt'}."))
        if state == "crashed":
            raise JobFailed(f"The process of job {self.id} died without a result; see {self.path / 'log.txt'}.")
        raise JobFailed(f"The job {self.id} is {state}.")

    def _outcome(self) -> Outcome | None:
        result = self.result()
        if result is None:
            return None
        outcome = result.get("outcome")
        return outcome if outcome in ("done", "stopped") else "failed"


class JobReport:
    """A job seen from inside: writes its events and its result; safe to use from several threads."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.finished = False
        self._stop = False
        self._lock = threading.Lock()
        self._events = (job.path / "events.jsonl").open("ab", buffering=0)
        self._pace: deque[tuple[float, float]] = deque()
        self._pace_of: tuple[float, str] | None = None
        self._last_progress = -math.inf

    @classmethod
    def begin(cls, path: Path) -> Self:
        """Own the job in this folder; raises BadRequest when another live process owns it or it is done."""
        job = Job.open(path)
        earlier = job.result()
        if earlier is None:
            owner = _owner(job.path)
            if owner and owner["pid"] != os.getpid() and is_alive(owner["pid"], owner.get("mark")):
                raise BadRequest(f"The job {job.id} is already run by process {owner['pid']}.")
        elif earlier.get("outcome") == "done":
            raise BadRequest(f"The job {job.id} is done and cannot be run again.")
        else:
            (job.path / "result.json").unlink()
            (job.path / "stop").unlink(missing_ok=True)
        atomic.write_json(job.path / "pid.json", {"pid": os.getpid(), "mark": start_mark(os.getpid())})
        _end_torn_line(job.path / "events.jsonl")
        return cls(job)

    def event(self, kind: str, /, **fields: Any) -> None:
        """Append one event; numbers that are not finite become null."""
        line = json.dumps(
            _finite({"t": round(time.time(), 3), "type": kind, **fields}), ensure_ascii=False, default=atomic.plain
        )
        with self._lock:
            self._events.write(line.encode() + b"\n")

    def phase(self, name: str) -> None:
        """Say that a new part of the work begins."""
        self._pace.clear()
        self.event("phase", name=name)

    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None:
        """Say how far the work is; at most ten times a second, with rate (units/s) and time left (s): `eta_s` from one
        who knows better than by the rate."""
        now = time.monotonic()
        if self._pace_of != (total, unit):
            self._pace.clear()
            self._pace_of = (total, unit)
        self._pace.append((now, done))
        while len(self._pace) > 2 and now - self._pace[0][0] > RATE_OVER_S:
            self._pace.popleft()
        if done < total and now - self._last_progress < PROGRESS_EVERY_S:
            return
        self._last_progress = now
        since, before = self._pace[0]
        rate = (done - before) / (now - since) if now > since else 0.0
        eta = (total - done) / rate if rate > 0 and eta_s is None else eta_s
        self.event(
            "progress",
            done=done,
            total=total,
            unit=unit,
            rate=round(rate, 4),
            eta_s=None if eta is None else round(eta, 1),
            note=note,
        )

    def metric(self, step: int, values: Mapping[str, float]) -> None:
        """Say what was measured at a step."""
        self.event("metric", step=step, values=dict(values))

    def warning(self, text: str) -> None:
        """Say something that a person should know though the work goes on."""
        self.event("warning", text=text)

    def stop_requested(self) -> bool:
        """Whether a clean end was asked for, by the stop file or by a signal."""
        return self._stop or self.job.stop_asked()

    def ask_stop(self) -> None:
        """Remember a wish to stop that came from inside this process, such as SIGTERM."""
        self._stop = True

    def finish(self, outcome: Outcome, **result: Any) -> None:
        """Write the result, last and whole; the job has ended."""
        self.event("done" if outcome != "failed" else "error", outcome=outcome, text=result.get("error", ""))
        atomic.write_json(self.job.path / "result.json", _finite({"outcome": outcome, **result}))
        self.finished = True
        self._events.close()


def run_job(path: Path, work: Callable[[dict[str, Any], JobReport], Mapping[str, Any] | None]) -> int:
    """Run `work` on the job's request and write what it returns as the result; returns the exit code.

    A returned mapping may hold `outcome` ("stopped"); otherwise the job is done. A CuratorError fails the job with its
    own line; any other exception fails it with a short line and leaves its traceback in log.txt. SIGTERM and SIGINT ask
    for a clean end.
    """
    try:
        report = JobReport.begin(Path(path))
    except CuratorError as error:
        print(error, file=sys.stderr)
        return 2
    _stop_on_signals(report)
    try:
        result = dict(work(report.job.request, report) or {})
        if not report.finished:
            report.finish(result.pop("outcome", "done"), **result)
        return 0
    except Exception as error:
        if not isinstance(error, CuratorError):
            _log(report.job.path)
        report.finish("failed", error=_line(error))
        return 1


def list_jobs(parent: Path) -> list[Job]:
    """The jobs in a folder, oldest first; folders that hold none are passed over."""
    if not Path(parent).is_dir():
        return []
    jobs = []
    for path in sorted(Path(parent).iterdir()):
        if not path.name.startswith(".") and (path / "request.json").exists():
            try:
                jobs.append(Job.open(path))
            except BadRequest:
                continue
    return sorted(jobs, key=lambda job: (job.created_at, job.id))


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {"outcome": "failed", "error": f"{path} is damaged."}


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _line(error: Exception) -> str:
    if isinstance(error, CuratorError):
        return str(error)
    short = shortage.in_one_line(error)
    if short:
        return short
    try:
        with atomic.in_words("the result of this job"):
            raise error
    except CuratorError as worded:
        return str(worded)
    except Exception:
        first = (str(error).strip().splitlines() or [""])[0]
        return f"Something unforeseen went wrong ({type(error).__name__}: {first}); log.txt in the job folder has more."


def _log(folder: Path) -> None:
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        log.write(traceback.format_exc())


def _stop_on_signals(report: JobReport) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: report.ask_stop())


def _owner(folder: Path) -> dict[str, Any] | None:
    try:
        owner = json.loads((folder / "pid.json").read_text(encoding="utf-8"))
        return {"pid": int(owner["pid"]), "mark": owner.get("mark")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _end_torn_line(path: Path) -> None:
    if path.exists() and path.stat().st_size:
        with path.open("rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):
        return _finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
