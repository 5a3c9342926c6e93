"""How far long work is."""
import shutil
import sys
import time


class Bar:
    """One line on a terminal, a line now and then in a log."""

    def __init__(self, patience: float = 0.0, log=None):
        """patience: seconds in which nothing is shown, since it may be over by then. log: where lines go, where there is no terminal; default: standard output."""
        self.log = log
        self.live, self.last, self.quiet_until, self.shown = sys.stderr.isatty(), 0.0, time.monotonic() + patience, False

    def show(self, share: float, seconds: float, text: str) -> None:
        if time.monotonic() < self.quiet_until:
            return
        left = (1 - share) / max(share, 1e-9) * seconds
        line = f"{share:4.0%}  {text}  {left / 60:.0f} min left"
        if self.live:
            width = max(10, shutil.get_terminal_size().columns - len(line) - 4)
            done = round(width * share)
            self.shown = True
            print(f"\r[{'#' * done}{' ' * (width - done)}] {line}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self.last > 60 or share >= 1:
            self.last = time.monotonic()
            print(line, file=self.log, flush=True)

    def end(self) -> None:
        """What is printed next begins a line."""
        if self.shown:
            print(file=sys.stderr, flush=True)
