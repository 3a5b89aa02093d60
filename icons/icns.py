"""Packs PNG files named <size>.png into an Apple icon: icns.py <folder> <out>."""

import pathlib
import struct
import sys

# Apple's four-letter type for each size of a PNG entry; the second of a size is its "@2x" name.
ENTRIES = [
    (b"icp4", 16),
    (b"icp5", 32),
    (b"ic11", 32),
    (b"icp6", 64),
    (b"ic12", 64),
    (b"ic07", 128),
    (b"ic08", 256),
    (b"ic13", 256),
    (b"ic09", 512),
    (b"ic14", 512),
    (b"ic10", 1024),
]

folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
body = b""
for kind, size in ENTRIES:
    png = (folder / f"{size}.png").read_bytes()
    body += kind + struct.pack(">I", len(png) + 8) + png
out.write_bytes(b"icns" + struct.pack(">I", len(body) + 8) + body)
