"""The process in which a student's file is run: `python -m autograd_mini.classroom.child`."""

from __future__ import annotations

import sys

from .trial import child

if __name__ == "__main__":
    child(sys.argv[1])
