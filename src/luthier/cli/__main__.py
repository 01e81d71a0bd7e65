"""`python -m luthier.cli`: the same as `luthier`, for launchers that start modules, such as torchrun."""

from luthier.cli import main

if __name__ == "__main__":
    main()
