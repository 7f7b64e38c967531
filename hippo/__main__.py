"""`python -m hippo`: the command line."""

from hippo.cli import main

if __name__ == "__main__":
    main()
