#!/usr/bin/env python3
"""Writes lib/base/unicode_pairs.inc: which two code points the one of NFC stands for (Unicode's canonical
compositions below U+10000; Hangul is computed). Run it where Python's Unicode is newer."""
import unicodedata
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "lib/base/unicode_pairs.inc"
PER_LINE = 5


def pairs():
    for code in range(0x10000):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) != 2 or parts[0].startswith("<"):
            continue
        first, second = (int(part, 16) for part in parts)
        if unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(code):
            yield first, second, code


def main():
    rows = [f"{{0x{a:04X}, 0x{b:04X}, 0x{c:04X}}}" for a, b, c in sorted(pairs())]
    lines = [", ".join(rows[i : i + PER_LINE]) for i in range(0, len(rows), PER_LINE)]
    head = f"// By scripts/unicode_pairs.py, from Unicode {unicodedata.unidata_version}.\n"
    TARGET.write_text(head + ",\n".join(lines) + "\n")
    print(f"{TARGET}: {len(rows)} pairs")


if __name__ == "__main__":
    main()
