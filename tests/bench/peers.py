#!/usr/bin/env python3
"""mone beside other CPU runtimes, both in turn in one run: what a figure in RESULTS.md is made of.

Needs torch, transformers, onnx and openvino (nncf for int8) in an environment of its own; nothing of the project does.

    peers.py --mone build/pipeline/mone [--what f32,bf16,int8,batch,joint] [--rounds 5] [--threads 2] [--clock wall]

Peers run dense: they can neither run at a lower budget nor reuse a tubelet. `--clock cpu` with one thread counts
processor time on both sides, which others on the machine disturb less.
"""
import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--mone", required=True)
parser.add_argument("--what", default="f32,bf16,int8,batch,joint")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)

import torch  # noqa: E402  (after the number of threads)
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)
D, H, L, LT, NT, N, C = 768, 12, 12, 4, 16, 196, 400
CONFIG = dict(
    variant="fe", D=D, H=H, L=L, Lt=LT, E=4, C=C, image=[224, 224], frames=32, tubelet=[2, 16, 16],
    rate=dict(min=4.0, nominal=6.25, max=12.5), resize_short=256, fit="crop", crop="full", planes="rgb", act="gelu_tanh",
    ln_eps=1e-6, classifier="token", cls_policy="full", router_input="raw", gate="on", w_form="prod", beta=10.0, delta=2.0,
    train_ec=[0.15, 1.0], input=dict(scale=1 / 255, mean=[0.5] * 3, std=[0.5] * 3), labels=[f"action {i}" for i in range(C)])


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(D, 1e-6), nn.LayerNorm(D, 1e-6)
        self.attn, self.mlp = nn.ModuleDict(), nn.ModuleDict()
        self.attn["qkv"], self.attn["proj"] = nn.Linear(D, 3 * D), nn.Linear(D, D)
        self.mlp["fc1"], self.mlp["fc2"] = nn.Linear(D, 4 * D), nn.Linear(4 * D, D)

    def forward(self, x):
        b, n, _ = x.shape
        q, k, v = self.attn["qkv"](self.norm1(x)).reshape(b, n, 3, H, D // H).permute(2, 0, 3, 1, 4)
        x = x + self.attn["proj"](F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, D))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x)), approximate="tanh"))


class Encoder(nn.Module):
    def __init__(self, rows, layers):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(D) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(rows + 1, D) * 0.02)
        self.blocks, self.norm = nn.ModuleList(Block() for _ in range(layers)), nn.LayerNorm(D, 1e-6)

    def forward(self, x):
        x = torch.cat([self.cls_token.expand(x.shape[0], 1, -1), x], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 0]


class Step(nn.Module):
    """One new tubelet through the spatial encoder, then the temporal encoder over it and the 15 kept outputs."""

    def __init__(self):
        super().__init__()
        self.embed = nn.ModuleDict({"tubelet": nn.Conv3d(3, D, (2, 16, 16), (2, 16, 16))})
        self.spatial, self.temporal, self.head = Encoder(N, L), Encoder(NT, LT), nn.Linear(D, C)

    def forward(self, x, ring):
        h = self.spatial(self.embed["tubelet"](x).flatten(2).transpose(1, 2))
        return self.head(self.temporal(torch.cat([ring, h[:, None]], 1)))


def save_for_mone(model, path):
    tensors = dict(model.state_dict())
    tensors |= {"mone.router.weight": torch.randn(4, D) * 0.02, "mone.router.bias": torch.zeros(4), "mone.alpha": torch.tensor([0.1])}
    header, offset, blobs = {"__metadata__": {"format": "mone-vivit/1", "config": json.dumps(CONFIG)}}, 0, []
    for name, tensor in tensors.items():
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = dict(dtype="F32", shape=list(tensor.shape), data_offsets=[offset, offset + len(blob)])
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


clock = time.process_time if options.clock == "cpu" else time.perf_counter


def timed(call, times=7):
    """A contender's round: milliseconds of some calls after one that warms up."""
    def run():
        call()
        out = []
        for _ in range(times):
            start = clock()
            call()
            out.append((clock() - start) * 1e3)
        return out
    return run


def mone_rows(model, dtype, budgets, batch=1):
    """mone bench: per budget the median and the least time of a prediction, in ms."""
    done = subprocess.run(
        [options.mone, "bench", "--model", model, "--budget", budgets, "--dtype", dtype, "--threads", str(options.threads),
         "--batch", str(batch), "--json"], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    prefix = "cpu_ms" if options.clock == "cpu" else "ms"
    return {f"mone {dtype}{f' batch {batch}' if batch > 1 else ''} budget {row['budget']:g}":
            [row[prefix + "_median"] / batch, row[prefix + "_min"] / batch] for row in json.loads(done.stdout)["rows"]}


def compare(title, base, peers, mone_runs):
    """Rounds of all contenders in turn, then a table against `base`."""
    times = {}
    for turn in range(options.rounds):
        for name, run in peers.items():
            times.setdefault(name, []).append(run())
        for run in mone_runs:
            for name, values in run().items():
                times.setdefault(name, []).append(values)
        print(f"{title}: round {turn + 1} of {options.rounds}", file=sys.stderr)
    middle = {name: statistics.median(statistics.median(values) for values in rounds) for name, rounds in times.items()}
    least = {name: min(min(values) for values in rounds) for name, rounds in times.items()}
    print(f"\n{title}: {options.threads} threads, {options.clock} ms a prediction\n"
          f"{'':34} {'median':>9} {'least':>9} {'x ' + base + ', medians':>32} {'least':>7}")
    for name in times:
        print(f"{name:34} {middle[name]:9.1f} {least[name]:9.1f} {middle[base] / middle[name]:32.2f} {least[base] / least[name]:7.2f}", flush=True)
    return middle


what = options.what.split(",")
folder = tempfile.mkdtemp()
step = Step().eval()
pixels, ring = torch.rand(1, 3, 2, 224, 224) * 2 - 1, torch.randn(1, NT - 1, D)
feed = {"x": pixels.numpy(), "r": ring.numpy()}
model_path, onnx_path = os.path.join(folder, "fe-b.safetensors"), os.path.join(folder, "step.onnx")
save_for_mone(step, model_path)
core = graph = None
if {"f32", "bf16", "int8", "batch"} & set(what):
    import openvino
    torch.onnx.export(step, (pixels, ring), onnx_path, input_names=["x", "r"], output_names=["y"], dynamo=False, opset_version=17)
    core = openvino.Core()
    graph = core.read_model(onnx_path)


def openvino_run(model, precision=None):
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": options.threads}
    if precision:
        hints["INFERENCE_PRECISION_HINT"] = precision
    request = core.compile_model(model, "CPU", hints).create_infer_request()
    return timed(lambda: request.infer(feed))


with torch.inference_mode():
    if "bf16" in what:
        compare("FE-B step, bf16", "openvino bf16", {"openvino bf16": openvino_run(graph, "bf16")},
                [lambda: mone_rows(model_path, "bf16", "1,0.5,0.4,0.25,0.15")])
    if "batch" in what:
        compare("FE-B step, bf16, 4 streams at once", "openvino bf16", {"openvino bf16": openvino_run(graph, "bf16")},
                [lambda: mone_rows(model_path, "bf16", "1,0.25,0.15", batch=4)])
    if "f32" in what:
        compare("FE-B step, f32", "openvino f32", {"openvino f32": openvino_run(graph, "f32")},
                [lambda: mone_rows(model_path, "f32", "1,0.5,0.25")])
    if "int8" in what:
        import nncf
        quantised = nncf.quantize(graph, nncf.Dataset([feed] * 4), model_type=nncf.ModelType.TRANSFORMER, subset_size=4)
        compare("FE-B step, int8", "openvino int8", {"openvino int8": openvino_run(quantised)},
                [lambda: mone_rows(model_path, "int8", "1,0.5,0.25,0.15")])
    if "joint" in what:
        from transformers import VivitConfig, VivitForVideoClassification
        joint = VivitForVideoClassification(VivitConfig(num_labels=C)).eval()
        joint_path = os.path.join(folder, "joint")
        joint.save_pretrained(joint_path)
        joint = joint.bfloat16()
        clip = (torch.rand(1, 32, 3, 224, 224) * 2 - 1).bfloat16()
        compare("ViViT-B/16x2 joint, one window", "pytorch bf16", {"pytorch bf16": timed(lambda: joint(pixel_values=clip), 3)},
                         [lambda: mone_rows(joint_path, "bf16", "1"), lambda: {"streaming " + name: ms for name, ms in mone_rows(model_path, "bf16", "1,0.25").items()}])
