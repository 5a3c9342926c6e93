#!/usr/bin/env python3
"""Trains for 20 steps, stops, goes on, exports, and asks `mone model verify` about the file. Exit 77 = skipped.

    training_smoke.py LIBMONE_ACTORS [MONE]
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TRAINING = Path(__file__).resolve().parents[2] / "samples" / "training"


def main() -> int:
    for module in ("numpy", "torch", "matplotlib"):
        try:
            __import__(module)
        except ImportError:
            print(f"skipped: needs Python's {module} (samples/training/requirements.txt)")
            return 77
    library, mone = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    environment = os.environ | {"MONE_ACTORS": library, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as run:
        for steps in ("14", "20"):  # the second command goes on where the first ended
            subprocess.run([sys.executable, TRAINING / "train.py", "--run", run, "--steps", steps, "--batch", "4",
                            "--depth", "1", "--width", "128", "--held-out", "18"], env=environment, check=True)  # fmt: skip
        result = json.loads((Path(run) / "evaluation.json").read_text())
        assert [row["budget"] for row in result["clutter 0.3"]] == [0.15, 0.25, 0.4, 0.5, 0.75, 1.0], result
        curves = (Path(run) / "curves.csv").read_text().splitlines()
        assert curves[-1].split(",")[1] == "20", curves
        model = Path(run) / "model.safetensors"
        if mone:
            subprocess.run([mone, "model", "verify", model], check=True)
        sys.path.insert(0, str(TRAINING))
        from model_file import load_model

        assert load_model(model).config["labels"][0] == "walk"
    return 0


if __name__ == "__main__":
    sys.exit(main())
