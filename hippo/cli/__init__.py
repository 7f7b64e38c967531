"""The command line: parsing and printing only. Everything it does is a call of the Python API."""

__all__ = ["main"]


def main() -> None:
    """Entry point of `hippo` and `python -m hippo`."""
    from hippo.cli.app import run

    run()
