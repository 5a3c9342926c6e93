"""What the elements say of a stream, asked through gst-launch-1.0 (inside `meson devenv`, or installed)."""
import json
import subprocess


def windows_said(elements: list) -> list[dict]:
    """The JSON lines of monelabel for a pipeline that ends before it, element by element as gst-launch-1.0 takes them, unsmoothed: of all full windows,
    or, of a stream shorter than one, the last. With the scores of all labels (topk)."""
    command = ["gst-launch-1.0", "-q", *map(str, elements), *"! monelabel smoothing=0 top-k=1000 ! fdsink fd=1".split()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr.strip()}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return [line for line in lines if not line["warming"]] or lines[-1:]
