"""The faults that a test asks for, from a file of JSON lines that is read again at every request.

    {"path": "*.tar.xz", "fault": "truncate", "times": 1}

How often each fault has happened is counted in memory. A fault is identified by its line number, its text and the
file's "generation", which mirror_clear_faults writes as a line of its own: so a test can clear the faults and ask for
the same fault again, which then counts from 0.
"""

import fnmatch
import json
import threading

# The faults that server.py can carry out; any HTTP status of three digits is possible, too.
KNOWN = frozenset("""
    pass status redirect redirect-loop
    truncate reset drop stall slow dribble
    corrupt replace empty html hash-63 hash-named hash-wrong
    range-ignored if-range-ignored wrong-range
    gzip chunked chunked-truncated endless
""".split())

PARAMETERS = frozenset("""
    path fault method times skip
    status retry_after to bytes seconds rate text file etag altered length at
""".split())


class FaultError(Exception):
    """A line of the faults file that is not valid."""


def parse(line):
    try:
        fault = json.loads(line)
    except ValueError as error:
        raise FaultError(f"{error} in: {line}") from error
    if not isinstance(fault, dict):
        raise FaultError(f"not an object: {line}")
    if "generation" in fault:
        return fault
    unknown = set(fault) - PARAMETERS
    if unknown:
        raise FaultError(f"unknown: {', '.join(sorted(unknown))} in: {line}")
    kind = str(fault.get("fault", ""))
    if kind.isdigit() and len(kind) == 3:
        fault.update(fault="status", status=int(kind))
    elif kind not in KNOWN:
        raise FaultError(f"no such fault: {kind!r} in: {line}")
    return fault


class Faults:
    """The faults file, and how often each of its faults has happened."""

    def __init__(self, path):
        self.path = path
        self.seen = {}  # (generation, line number, text) -> requests that matched
        self.lock = threading.Lock()

    def lines(self):
        try:
            with open(self.path, encoding="utf-8") as f:
                text = f.read()
        except FileNotFoundError:
            return []
        # ignore a last line without a newline: it is still being written
        return text[:text.rfind("\n") + 1].split("\n")

    def take(self, method, path):
        """Returns the fault for this request, and counts it; None if the server shall behave.

        The first line counts that matches the request and has not happened often enough. Raises FaultError.
        """
        with self.lock:
            generation = None
            for number, line in enumerate(self.lines()):
                if not line.strip():
                    continue
                fault = parse(line)
                if "generation" in fault:
                    generation = fault["generation"]
                    continue
                if not fnmatch.fnmatchcase(path, fault.get("path", "*")):
                    continue
                if fault.get("method", method) != method:
                    continue
                key = (generation, number, line)
                seen = self.seen[key] = self.seen.get(key, 0) + 1
                skip = fault.get("skip", 0)
                if seen > skip and seen <= skip + fault.get("times", float("inf")):
                    return fault
            return None
