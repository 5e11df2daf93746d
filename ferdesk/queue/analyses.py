"""The queue: files are added, moved and taken away while several of them are analysed."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from ferdesk.core.errors import FerdeskError
from ferdesk.progress_lines import Step
from ferdesk.queue.child import GRACE_S, Child, Ending
from ferdesk.queue.command import Order, arguments, ferdesk_command
from ferdesk.queue.items import Item, Totals, totals
from ferdesk.queue.ledger import Ledger

log = logging.getLogger(__name__)

CLOSE_S: Final = GRACE_S + 3.0
"""Closing waits so long for processes that are killed at last."""


class Snapshot(NamedTuple):
    """A queue at one moment.

    Attributes:
        items: its files in their order.
        going: whether files are being analysed, or are about to be.
        totals: how far all that was started is.
        trouble: why nothing can be analysed; empty where it can.
    """

    items: tuple[Item, ...]
    going: bool
    totals: Totals
    trouble: str


@dataclass(slots=True, eq=False)
class _Run:
    """From a start until nothing is left to do."""

    order: Order
    began: float = field(default_factory=time.monotonic)
    ledger: Ledger | None = None
    children: dict[int, Child] = field(default_factory=dict)


class AnalysisQueue:
    """Analyses files in processes of their own, several at once. May be called from any thread.

    Args:
        command: what starts ferdesk, before its arguments; this one by default.
    """

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = tuple(command or ferdesk_command())
        self._lock = threading.Condition()
        self._items: dict[int, Item] = {}
        self._order: list[int] = []
        self._next_id = 1
        self._run: _Run | None = None
        self._elapsed_s = 0.0
        self._ledgers: dict[Path, Ledger] = {}
        self._threads: list[threading.Thread] = []
        self._trouble = ""
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether files are being analysed, or are about to be."""
        return self._run is not None

    def add(self, specs: Iterable[str]) -> int:
        """Put files at the end; those that are there already are left out.

        Args:
            specs: files and folders of pictures, from `ferdesk.batch.inputs_of`.

        Returns:
            How many are new.
        """
        sized = [(str(Path(spec).absolute()), _size(Path(spec))) for spec in specs]
        with self._lock:
            known = {item.spec for item in self._items.values()}
            new = [(spec, size) for spec, size in dict(sized).items() if spec not in known]
            for spec, size in new:
                item = Item(self._next_id, spec, size=size, in_run=self.busy)
                self._items[item.id] = item
                self._order.append(item.id)
                self._next_id += 1
            ledger = None if self._run is None else self._run.ledger
            self._lock.notify_all()
        if ledger is not None:
            ledger.guard(spec for spec, _ in new)
        return len(new)

    def start(self, order: Order) -> None:
        """Analyse what waits, and what is added until nothing waits any more.

        Args:
            order: how; what runs already goes on as it was begun.
        """
        with self._lock:
            if self._run is not None or self._closed:
                return
            self._run = run = _Run(order)
            self._trouble = ""
            for item in self._items.values():
                self._set(item.id, in_run=item.state == "waiting")
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._start(partial(self._begin, run))

    def remove(self, ids: Collection[int]) -> None:
        """Take files off the list; their results stay. What is being analysed stays as well."""
        with self._lock:
            for one in ids:
                if one in self._items and self._items[one].state != "running":
                    del self._items[one]
            self._order = [one for one in self._order if one in self._items]

    def move(self, ids: Collection[int], by: int) -> None:
        """Move files up (-1) or down (1) by one place, keeping their order among each other."""
        ids = frozenset(ids)
        with self._lock:
            rows = [row for row, one in enumerate(self._order) if one in ids]
            for row in rows if by < 0 else reversed(rows):
                to = row + by
                if 0 <= to < len(self._order) and self._order[to] not in ids:
                    self._order[row], self._order[to] = self._order[to], self._order[row]

    def retry(self, ids: Collection[int]) -> int:
        """Let files that failed or were cancelled wait again; returns how many."""
        with self._lock:
            again = [
                one
                for one in ids
                if one in self._items and self._items[one].state in ("failed", "cancelled")
            ]
            for one in again:
                item = self._items[one]
                self._items[one] = Item(one, item.spec, size=item.size, in_run=self.busy)
            self._lock.notify_all()
            return len(again)

    def cancel(self, ids: Collection[int] | None = None) -> None:
        """Do not analyse these files, or all; one that is being analysed ends with whole files."""
        with self._lock:
            for one in list(self._items) if ids is None else ids:
                item = self._items.get(one)
                if item is not None and item.state == "waiting":
                    self._set(one, state="cancelled")
                elif item is not None and item.state == "running":
                    self._set(one, stopping=True)
                    child = self._run.children.get(one) if self._run is not None else None
                    if child is not None:
                        child.stop()
            self._lock.notify_all()

    def snapshot(self) -> Snapshot:
        """All that is to be shown."""
        with self._lock:
            items = tuple(self._items[one] for one in self._order)
            if self._run is not None:
                self._elapsed_s = time.monotonic() - self._run.began
            return Snapshot(
                items, self._run is not None, totals(items, self._elapsed_s), self._trouble
            )

    def pids(self) -> tuple[int, ...]:
        """The processes that run now."""
        with self._lock:
            children = () if self._run is None else tuple(self._run.children.values())
        return tuple(child.pid for child in children if child.pid is not None)

    def close(self, timeout_s: float = CLOSE_S) -> bool:
        """Cancel everything and wait; returns whether all processes ended within the time."""
        with self._lock:
            self._closed = True
        self.cancel()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        left = [thread.name for thread in self._threads if thread.is_alive()]
        if left:
            log.warning("still running after %.1f s: %s", timeout_s, ", ".join(left))
        return not left

    def _start(self, body: Callable[[], None]) -> None:
        thread = threading.Thread(target=body, name="ferdesk-queue", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _begin(self, run: _Run) -> None:
        """The first thread of a run: looks at the folder, calls the others, and is one of them."""
        try:
            run.ledger = ledger = self._ledger(run.order)
        except Exception as error:
            with self._lock:
                self._trouble = _explain(error, "looking at the folder for the results")
                self._run = None
            return
        with self._lock:
            for _ in range(run.order.at_once - 1):
                self._start(partial(self._work, run, ledger))
        self._work(run, ledger)

    def _ledger(self, order: Order) -> Ledger:
        with self._lock:
            specs = [item.spec for item in self._items.values()]
            ledger = self._ledgers.get(order.out)
        ledger = ledger or Ledger(order.out)
        self._ledgers[order.out] = ledger
        ledger.begin(order, specs)
        return ledger

    def _work(self, run: _Run, ledger: Ledger) -> None:
        while (item := self._take(run)) is not None:
            try:
                self._analyse(run, ledger, item)
            except Exception as error:  # a row that stays "running" for ever would help nobody
                text = _explain(error, f"analysing {item.spec}")
                self._end(run, item.id, state="failed", error=text)

    def _take(self, run: _Run) -> Item | None:
        """The next file that waits; waits itself while others may still be added or fail."""
        with self._lock:
            while self._run is run:
                states = {one: self._items[one].state for one in self._order}
                waiting = next((one for one, state in states.items() if state == "waiting"), None)
                if waiting is not None:
                    return self._set(waiting, state="running")
                if "running" not in states.values():
                    self._elapsed_s = time.monotonic() - run.began
                    self._run = None
                    self._lock.notify_all()
                else:
                    self._lock.wait()
            return None

    def _analyse(self, run: _Run, ledger: Ledger, item: Item) -> None:
        path = Path(item.spec)
        before = ledger.before(path)
        if before is not None:
            self._end(run, item.id, state="before", frames=before.frames, summary=before)
            return
        name, state = ledger.claim(path)
        command = (*self._command, *arguments(item.spec, name, run.order))
        child = Child(command, lambda step: self._tell(item.id, step))
        with self._lock:
            run.children[item.id] = child
            if self._items[item.id].stopping:
                child.stop()
        ending = child.run()
        summary = ending.summary
        if summary is not None and summary.error is None and not summary.interrupted:
            ledger.add(path, state, summary)
        self._judge(run, item.id, ending)

    def _judge(self, run: _Run, one: int, ending: Ending) -> None:
        summary = ending.summary
        if summary is None:
            stopping = self._items[one].stopping
            error = "" if stopping else ending.why
            self._end(run, one, state="cancelled" if stopping else "failed", error=error)
        elif summary.error is not None:
            self._end(run, one, state="failed", error=summary.error, summary=summary)
        elif summary.interrupted:
            self._end(run, one, state="cancelled", frames=summary.frames, summary=summary)
        else:
            self._end(run, one, state="done", frames=summary.frames, summary=summary)

    def _tell(self, one: int, step: Step) -> None:
        with self._lock:
            self._set(one, frames=step.frames, total=step.total, seconds=step.seconds)

    def _end(self, run: _Run, one: int, **changes: object) -> None:
        with self._lock:
            run.children.pop(one, None)
            self._set(one, stopping=False, **changes)
            self._lock.notify_all()

    def _set(self, one: int, **changes: object) -> Item:
        item = replace(self._items[one], **changes)  # type: ignore[arg-type]
        self._items[one] = item
        return item


def _explain(error: Exception, doing: str) -> str:
    """The message for people; what was not foreseen is logged with its trace as well."""
    if isinstance(error, FerdeskError):
        return str(error)
    log.error("%s failed", doing, exc_info=error)
    return f"Something went wrong while {doing}: {type(error).__name__}: {error}"


def _size(path: Path) -> int:
    """Of a file, or of all files in a folder; 0 where it cannot be read: analysing it says so."""
    try:
        files = path.iterdir() if path.is_dir() else (path,)
        return sum(file.stat().st_size for file in files)
    except OSError:
        return 0
