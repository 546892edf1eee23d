"""A rosbag2 database (.db3). Where its pages are damaged, each message is read by itself, as far as possible."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sim2real_ad.bag.definitions import definition_text, full_type_name
from sim2real_ad.bag.storage import BagTopic, Damage, Part, Report, qos_from_text
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

MAGIC = b"SQLite format 3\0"
Key = tuple[int, int, int]
"""Of a message: log time in ns, row, topic."""


class SqliteFile:
    """One database file."""

    def __init__(self, path: Path, report: Report) -> None:
        """Raises SourceError where the file cannot be opened or is no rosbag2 database."""
        self._path, self._report = path, report
        try:
            with closing(self._connect()) as database:
                topics = _topics(database)
                counts, self.span_ns = self._counts_and_span(database)
        except sqlite3.Error as error:
            raise SourceError(f"{path} cannot be read as a rosbag2 database: {error}") from error
        self._topics = {row: replace(t, count=counts[row]) for row, t in self._readable(topics).items()}
        self.topics = list(self._topics.values())

    def parts(self, topics: Collection[str] | None) -> list[Part]:
        """Return the whole file, where it may hold messages of the topics; None: of all."""
        wanted = {row: t for row, t in self._topics.items() if topics is None or t.name in topics}
        if self.span_ns is None or not wanted:
            return []
        return [Part(self.span_ns[0], partial(self._read, wanted))]

    def _connect(self) -> sqlite3.Connection:
        """Open for reading only. A killed recorder's log, where there is one, is read as well."""
        address = f"file:{quote(str(self._path.resolve()))}"
        log = self._path.with_name(self._path.name + "-wal")
        if log.is_file() and log.stat().st_size:
            try:
                database = sqlite3.connect(f"{address}?mode=ro", uri=True)
                database.execute("SELECT count(*) FROM sqlite_master").fetchall()
            except sqlite3.Error as error:
                self._report(Damage(f"{log.name} cannot be read ({error}); what it holds is left out"))
            else:
                return database
        database = sqlite3.connect(f"{address}?immutable=1", uri=True)
        # Nothing is written. Without this SQLite refuses a file that is shorter than its header says.
        database.execute("PRAGMA writable_schema = ON")
        return database

    def _readable(self, topics: dict[int, tuple[BagTopic, str]]) -> dict[int, BagTopic]:
        for topic, encoding in topics.values():
            if encoding != "cdr":
                what = f"{topic.name} is encoded as '{encoding}', not as cdr; it is left out"
                self._report(Damage(what, topics=(topic.name,)))
        return {row: topic for row, (topic, encoding) in topics.items() if encoding == "cdr"}

    def _counts_and_span(self, database: sqlite3.Connection) -> tuple[Counter[int], tuple[int, int] | None]:
        query = "SELECT topic_id, COUNT(*), MIN(timestamp), MAX(timestamp) FROM messages GROUP BY topic_id"
        try:
            rows = database.execute(query).fetchall()
            counts = Counter({row: count for row, count, _, _ in rows})
            times = [time for _, _, first, last in rows for time in (first, last)]
        except sqlite3.DatabaseError as error:
            keys = _salvaged_keys(database)
            counts, times = Counter(row for _, _, row in keys), [time for time, _, _ in keys]
            last_ns = max(times, default=None)
            self._report(Damage(f"{self._path.name} is damaged ({error}); it is read as far as possible", last_ns))
        return counts, (min(times), max(times)) if times else None

    def _read(self, wanted: dict[int, BagTopic]) -> Iterator[RawMessage]:
        with closing(self._connect()) as database:
            last = (-1, -1)
            query = "SELECT timestamp, id, topic_id, data FROM messages ORDER BY timestamp, id"
            try:
                for time_ns, row, topic, data in database.execute(query):
                    last = (time_ns, row)
                    if topic in wanted:
                        yield _message(wanted[topic], time_ns, data)
            except sqlite3.DatabaseError as error:
                what = f"{self._path.name} is damaged ({error}); it is read as far as possible"
                self._report(Damage(what, None if last[0] < 0 else last[0]))
                yield from self._read_singly(database, wanted, last)

    def _read_singly(
        self, database: sqlite3.Connection, wanted: dict[int, BagTopic], after: tuple[int, int]
    ) -> Iterator[RawMessage]:
        lost: Counter[str] = Counter()
        lost_ns: list[int] = []
        for time_ns, row, topic in sorted(key for key in _salvaged_keys(database) if key[:2] > after):
            if topic not in wanted:
                continue
            try:
                (data,) = database.execute("SELECT data FROM messages WHERE id = ?", (row,)).fetchone()
            except (sqlite3.DatabaseError, TypeError):  # TypeError: the row is not to be found
                lost[wanted[topic].name] += 1
                lost_ns.append(time_ns)
            else:
                yield _message(wanted[topic], time_ns, data)
        if lost:
            what = f"{lost.total()} messages of {self._path.name} cannot be read; they are left out"
            self._report(Damage(what, lost_ns[0], tuple(sorted(lost))))


def _message(topic: BagTopic, time_ns: int, data: bytes) -> RawMessage:
    return RawMessage(topic.name, topic.type_name, topic.definition, time_ns, data)


def _topics(database: sqlite3.Connection) -> dict[int, tuple[BagTopic, str]]:
    """Return the topics and their encodings by row. Raises sqlite3.Error."""
    columns = {row[1] for row in database.execute("PRAGMA table_info(topics)")}
    qos = "offered_qos_profiles" if "offered_qos_profiles" in columns else "''"
    definitions = _definitions(database)
    topics = {}
    for row, name, kind, encoding, profiles in database.execute(
        f"SELECT id, name, type, serialization_format, {qos} FROM topics ORDER BY id"
    ):
        type_name = full_type_name(kind)
        definition = definition_text(type_name, *definitions.get(kind, ("", "")))
        topics[row] = (BagTopic(name, type_name, 0, definition, qos_from_text(profiles)), encoding)
    return topics


def _definitions(database: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Return encoding and text by type; a database of before ROS 2 Iron has none."""
    if not database.execute("PRAGMA table_info(message_definitions)").fetchall():
        return {}
    query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
    return {kind: (encoding, text) for kind, encoding, text in database.execute(query)}


def _salvaged_keys(database: sqlite3.Connection) -> list[Key]:
    """Return the keys that can be read from either end of a damaged table."""
    keys: set[Key] = set()
    for order in ("ASC", "DESC"):
        query = f"SELECT timestamp, id, topic_id FROM messages NOT INDEXED ORDER BY id {order}"
        try:
            keys.update(database.execute(query))
        except sqlite3.DatabaseError:
            continue
    return sorted(keys)
