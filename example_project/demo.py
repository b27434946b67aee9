#!/usr/bin/env python
"""``make demo``: a real server, and a simulated gateway that drives it; see ``simulation/``."""

import sys

from simulation.main import main

if __name__ == "__main__":
    sys.exit(main())
