"""The program that outlives its driver by a moment: `python -m luthier.programs.keeper MARK`.

It waits until the pipe from the driver closes, however the driver ended, and then ends all processes of the run.
"""

from __future__ import annotations

import sys

from luthier.programs.tree import end


def main() -> None:
    """Wait for the end of the input, then end the trees."""
    sys.stdin.buffer.read()
    end(sys.argv[1])


if __name__ == "__main__":
    main()
