"""``python -m brokenseal``."""

from __future__ import annotations

import sys

from brokenseal.cli import main

if __name__ == "__main__":
    sys.exit(main())
