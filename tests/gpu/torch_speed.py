"""torch_speed.py MODEL.safetensors: the same weights in PyTorch, compiled, bf16, SDPA, CUDA graphs.

Dense, and the best nested one that can be written with ordinary operators: rows sorted by expert once, each product as
one matrix product per expert. Pixels are on the device already, which the C++ side's are not. Markdown on standard
output."""

import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

DEVICE, BF16 = "cuda", torch.bfloat16
COUNTS = {1.0: (0, 0, 0, 196), 0.5: (46, 45, 49, 56), 0.25: (97, 64, 29, 6), 0.15: (161, 34, 1, 0)}
D, H, L, LT, NT = 768, 12, 12, 4, 16
WIDTHS = (96, 192, 384, 768)

torch.set_grad_enabled(False)
weights = {name: value.to(DEVICE) for name, value in load_file(sys.argv[1]).items()}


def w(name):
    value = weights[name]
    return value.to(BF16) if value.dim() > 1 or "bias" in name else value


def attention(x, prefix):
    batch, rows, _ = x.shape
    q, k, v = x.view(batch, rows, 3, H, D // H).permute(2, 0, 3, 1, 4)
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, rows, D)


def norm(x, prefix):
    return F.layer_norm(x, (D,), w(prefix + ".weight").float(), w(prefix + ".bias").float(), 1e-6).to(BF16)


def dense_block(x, b):
    a = attention(F.linear(norm(x, b + ".norm1"), w(b + ".attn.qkv.weight"), w(b + ".attn.qkv.bias")), b)
    x = x + F.linear(a, w(b + ".attn.proj.weight"), w(b + ".attn.proj.bias"))
    h = F.gelu(F.linear(norm(x, b + ".norm2"), w(b + ".mlp.fc1.weight"), w(b + ".mlp.fc1.bias")), approximate="tanh")
    return x + F.linear(h, w(b + ".mlp.fc2.weight"), w(b + ".mlp.fc2.bias"))


def nested_in(x, name, pieces):
    weight, bias = w(name + ".weight"), w(name + ".bias")
    parts = [F.linear(x[:, begin:end, :width], weight[:, :width], bias) for begin, end, width in pieces]
    return torch.cat(parts, 1)


def nested_out(x, a, name, pieces, gate):
    weight, bias = w(name + ".weight"), w(name + ".bias")
    parts = []
    for begin, end, width in pieces:
        y = F.linear(a[:, begin:end], weight[:width], bias[:width])
        parts.append(F.pad(y * gate[:, begin:end] if gate is not None else y, (0, D - width)))
    return x + torch.cat(parts, 1)


def nested_block(x, b, pieces, gate):
    a = attention(nested_in(norm(x, b + ".norm1"), b + ".attn.qkv", pieces), b)
    x = nested_out(x, a, b + ".attn.proj", pieces, None)
    h = F.gelu(nested_in(norm(x, b + ".norm2"), b + ".mlp.fc1", pieces), approximate="tanh")
    return nested_out(x, h, b + ".mlp.fc2", pieces, gate)


def embed(pixels):
    x = (pixels.to(BF16) / 127.5 - 1).view(pixels.shape[0], 196, 2, 16, 16, 3).permute(0, 1, 5, 2, 3, 4)
    kernel = w("embed.tubelet.weight").reshape(D, -1)
    rows = F.linear(x.reshape(pixels.shape[0], 196, -1), kernel, w("embed.tubelet.bias")).float()
    cls = weights["spatial.cls_token"].float().view(1, 1, D).expand(pixels.shape[0], 1, D)
    return torch.cat([cls, rows], 1) + weights["spatial.pos_embed"].float()


def encode_dense(pixels):
    x = embed(pixels)
    for i in range(L):
        x = dense_block(x, f"spatial.blocks.{i}")
    return norm(x[:, :1], "spatial.norm").float()[:, 0]


def encode_nested(pixels, counts):
    x = embed(pixels)
    probs = F.linear(x[:, 1:], weights["mone.router.weight"].float(), weights["mone.router.bias"].float()).softmax(-1)
    pieces, begin = [], 0
    for expert in (3, 2, 1, 0):
        count = counts[expert] + (expert == 3)
        if count:
            pieces.append((begin, begin + count, WIDTHS[expert]))
        begin += count
    free, order, chosen = probs, [], []
    for expert in (3, 2, 1, 0):
        if counts[expert] == 0:
            continue
        value, index = free[..., expert].topk(counts[expert], -1)
        order.append(index)
        chosen.append(value)
        free = free.scatter(1, index[..., None].expand(-1, -1, 4), -1.0)
    order, chosen = torch.cat(order, 1), torch.cat(chosen, 1)
    tokens = x[:, 1:].gather(1, order[..., None].expand(-1, -1, D))
    x = torch.cat([x[:, :1], tokens], 1)
    gate = torch.cat([torch.ones_like(chosen[:, :1]), 1 + weights["mone.alpha"].float() * chosen], 1)[..., None]
    for i in range(L):
        x = nested_block(x, f"spatial.blocks.{i}", pieces, gate)
    return norm(x[:, :1], "spatial.norm").float()[:, 0]


def predict(window):
    cls = weights["temporal.cls_token"].float().view(1, 1, D).expand(window.shape[0], 1, D)
    x = torch.cat([cls, window], 1) + weights["temporal.pos_embed"].float()
    for i in range(LT):
        x = dense_block(x, f"temporal.blocks.{i}")
    return F.linear(norm(x[:, 0], "temporal.norm"), w("head.weight"), w("head.bias")).float()


def median_seconds(run, limit=0.4):
    for _ in range(4):
        run()
    torch.cuda.synchronize()
    times, begin = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - begin < limit:
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def step(pixels, window, encode):
    h = encode(pixels)
    return predict(torch.cat([window[:, 1:], h[:, None]], 1))


def main():
    print(f"PyTorch {torch.__version__}, {torch.cuda.get_device_name()}")
    a = torch.randn(8192, 8192, device=DEVICE, dtype=BF16)
    print(f"8192^3 bf16 product: {2e-12 * 8192**3 / median_seconds(lambda: a @ a):.0f} TFLOP/s\n")
    print("| form | batch | step ms | predictions/s |\n|---|---|---|---|")
    deadline = time.perf_counter() + float(sys.argv[2]) if len(sys.argv) > 2 else float("inf")
    forms = [("dense", encode_dense)]
    forms += [(f"nested {budget}", lambda p, c=COUNTS[budget]: encode_nested(p, c)) for budget in (0.25, 0.5)]
    for batch in (64, 1):
        for name, encode in forms:
            if time.perf_counter() > deadline:
                print(f"| {name} | {batch} | no time left | |")
                continue
            torch._dynamo.reset()
            compiled = torch.compile(lambda p, w, e=encode: step(p, w, e), mode="reduce-overhead")
            pixels = torch.randint(0, 256, (batch, 196, 1536), device=DEVICE, dtype=torch.uint8)
            window = torch.randn(batch, NT, D, device=DEVICE)
            seconds = median_seconds(lambda: compiled(pixels, window))
            print(f"| {name} | {batch} | {seconds * 1e3:.3f} | {batch / seconds:.0f} |", flush=True)
            if name == "dense" and batch == 64:
                clip = torch.compile(lambda p, e=encode: predict(e(p).view(-1, NT, D)), mode="reduce-overhead")
                seconds = median_seconds(lambda: clip(pixels))
                print(f"| dense clip ({batch // NT} clips) | | {seconds * 1e3:.3f} | {batch / NT / seconds:.0f} clips/s |")


if __name__ == "__main__":
    main()
