"""What lies in a folder of results: whose it is, what it is called, and whether it is done."""

import threading
from collections.abc import Iterable
from pathlib import Path

from ferdesk.batch import stem_of
from ferdesk.batch_record import Record, done_of, results_of, setup_of, state_of
from ferdesk.core.errors import OutputError, SourceError
from ferdesk.outputs.files import make_folder
from ferdesk.outputs.names import ResultNames
from ferdesk.queue.command import Order
from ferdesk.summary import Summary


class Ledger:
    """The results in one folder, of one run after the other. May be called from any thread.

    A file keeps the name of its results, also in later runs; no two have the same.

    Args:
        out: the folder; made if it is not there.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, out: Path) -> None:
        make_folder(out)
        self._out = out
        self._lock = threading.Lock()
        self._names = ResultNames(out, ())
        self._given: dict[Path, str] = {}
        self._setup = ""
        self._resume = False
        self._record: Record | None = None

    def begin(self, order: Order, specs: Iterable[str]) -> None:
        """Begin a run.

        Args:
            order: how files are analysed.
            specs: all files that no result may replace.

        Raises:
            OutputError: the record of what is done cannot be read.
            ModelError, BundleError, ProfileError: there is nothing to analyse with.
        """
        setup = setup_of(order.settings, order.video, order.session)
        with self._lock:
            self._record = Record(self._out)
            self._setup, self._resume = setup, order.resume
            self._names.guard(specs)

    def guard(self, specs: Iterable[str]) -> None:
        """Keep these files safe as well."""
        with self._lock:
            self._names.guard(specs)

    def before(self, path: Path) -> Summary | None:
        """What an earlier run made of a file, if that still holds and is not to be made anew."""
        with self._lock:
            if not self._resume or self._record is None:
                return None
            done = self._record.find(path, self._setup)
            if done is None:
                return None
            self._given[path] = done.stem
            self._names.keep(done.stem)
            return done.summary_in(self._out, str(path))

    def claim(self, path: Path) -> tuple[str, str]:
        """Begin a file: its results of before are no longer counted as done.

        Returns:
            What its results are called, and its state, see `ferdesk.batch_record.state_of`.

        Raises:
            SourceError: the file cannot be read.
            OutputError: the record cannot be written.
        """
        try:
            state = state_of(path)
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error
        with self._lock:
            name = self._given.get(path) or self._new_name(path)
            self._given[path] = name
            if self._record is not None:
                self._record.forget([path], [name])
        return name, state

    def add(self, path: Path, state: str, summary: Summary) -> None:
        """Note that a file is done.

        Args:
            path: the file.
            state: what `claim` gave.
            summary: what it came to.

        Raises:
            OutputError: a result has gone meanwhile, or the record cannot be written.
        """
        results = results_of(map(Path, summary.files))
        with self._lock:
            done = done_of(summary, state, self._setup, self._given[path], results)
            if self._record is None or done is None:
                raise OutputError(f"{path} is not done.")
            self._record.add(path, done)

    def _new_name(self, path: Path) -> str:
        record = self._record
        own = record.name_of(path) if record is not None else None
        others = record.names(path) if record is not None and self._resume else frozenset[str]()
        return self._names.claim(own or stem_of(path), others).stem
