"""Files that somebody has changed, with a checksum that fits again."""

import json
import struct

from sklearn_ae.persistence import container


def take_apart(data):
    """Return the description and the arrays of a file."""
    return container.unpack(data)


def put_together(description, arrays):
    """Return a file with a right checksum, whatever is in it."""
    description = {k: v for k, v in description.items() if k != "checksum"}
    return container.pack(description, arrays)


def find(tree, kind):
    """Return the state of the first object of a class in a description."""
    if isinstance(tree, dict):
        if "object" in tree and tree["object"][0] == {"kind": kind}:
            return tree["object"][1]
        tree = list(tree.values())
    if isinstance(tree, list):
        return next(filter(None, (find(part, kind) for part in tree)), None)
    return None


def with_header(data, change):
    """Return a file whose safetensors header was changed; its checksum is not."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]
