"""`python -m etolwatch`: the same as the command `etolwatch`."""

from etolwatch.cli import main

if __name__ == "__main__":
    main()
