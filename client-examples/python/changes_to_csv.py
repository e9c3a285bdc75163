#!/usr/bin/env python3
"""Follows the changes of a collection and appends them to a CSV file.

    TIDEGATE_TOKEN=... changes_to_csv.py http://127.0.0.1:8055 articles changes.csv [count]

It stops after `count` changes, if a count is given. Started again, it goes on where the file
ends: the last column holds the position of each change. If the gateway does not know what
came behind that position any more, it says so and begins with what comes next; the gap is a
row of its own in the file.

Nothing but Python's own library is needed.
"""

import csv
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

HEADER = ["at", "event", "key", "data", "position"]


def last_position(path):
    """The position of the last change in the file, if there is one."""
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return None
    return rows[-1]["position"] or None if rows else None


def events(response):
    """The events of a stream, each a name, an id and its data."""
    fields = {}
    for raw in response:
        line = raw.decode().rstrip("\r\n")
        if not line:
            # The first block has an id and no event: where the stream begins.
            if "event" in fields or "id" in fields:
                yield fields.get("event"), fields.get("id"), fields.get("data", "")
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


def follow(base, collection, position):
    """Yields changes for as long as anybody listens; comes back by itself."""
    query = urllib.parse.urlencode({"collections": collection})
    while True:
        request = urllib.request.Request(f"{base}/stream?{query}", headers={"Accept": "text/event-stream"})
        if token := os.environ.get("TIDEGATE_TOKEN"):
            request.add_header("Authorization", f"Bearer {token}")
        if position:
            request.add_header("Last-Event-ID", position)
        try:
            with urllib.request.urlopen(request, timeout=90) as response:
                print(f"following {collection}", file=sys.stderr, flush=True)
                for event, identity, data in events(response):
                    position = identity or position
                    if event is not None:
                        yield event, json.loads(data)
        except urllib.error.HTTPError as error:
            sys.exit(f"{base} answers {error.code}: {error.read().decode()}")
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            print(f"{base}: {error}; trying again", file=sys.stderr, flush=True)
        time.sleep(1)


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    base, collection, path = sys.argv[1:4]
    left = int(sys.argv[4]) if len(sys.argv) == 5 else None
    position = last_position(path)
    with open(path, "a", newline="") as file:
        rows = csv.DictWriter(file, HEADER)
        if file.tell() == 0:
            rows.writeheader()
        for event, change in follow(base, collection, position):
            data = change["reason"] if event == "reset" else json.dumps(change.get("data"))
            shown = {name: change.get(name, "") for name in HEADER}
            rows.writerow({**shown, "event": event, "data": data})
            file.flush()
            if left is not None and event != "reset":
                left -= 1
                if left == 0:
                    return


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
