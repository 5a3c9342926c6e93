#!/usr/bin/env python3
"""Makes a model file of weights that other libraries trained.

    convert.py vivit-folder/ --out vivit.safetensors             Hugging Face ViViT: pytorch_model.bin, shards, or safetensors
    convert.py vivit_fac_enc_b16x2.pyth --out k400.safetensors   TAdaConv, factorised encoder
    convert.py checkpoint --out k400.safetensors                 scenic ViViT (flax msgpack), factorised encoder or joint

What comes out is a plain model: it runs at budget 1. (A Hugging Face folder with model.safetensors needs no conversion.)
"""
import argparse
import math
import sys
from pathlib import Path

import torch

from foreign import Refused, read_huggingface, read_scenic, read_tadaconv
from model_file import check_config, load_model, save_model


def kind_of(source: Path) -> str:
    if source.is_dir():
        return "huggingface"
    return "tadaconv" if source.suffix in (".pyth", ".pth", ".pt") else "scenic"


def image_of(tensors: dict, about: dict, args) -> tuple[list[int], int]:
    """([height, width], frames): as asked, as the weights' config says, else what the position tables allow."""
    pt, ph, pw = tensors["embed.tubelet.weight"].shape[2:]
    prefix = "spatial" if about["variant"] == "fe" else "encoder"
    cls = f"{prefix}.cls_token" in tensors
    places = tensors[f"{prefix}.pos_embed"].shape[0] - cls
    image = args.image or about.get("image")
    if about["variant"] == "fe":
        frames = (tensors["temporal.pos_embed"].shape[0] - cls) * pt
        per_step = places
    else:  # places are of all steps together: one of the two must be known
        frames = args.frames or about.get("frames")
        frames = frames or (places // ((image[0] // ph) * (image[1] // pw)) * pt if image else 32)
        per_step = places // (frames // pt)
    side = math.isqrt(per_step)
    image = image or [side * ph, side * pw]
    if (image[0] // ph) * (image[1] // pw) != per_step:
        raise Refused(f"{per_step} positions a step do not make a picture of {image[0]}x{image[1]}; give --image HEIGHT WIDTH"
                      + ("" if about["variant"] == "fe" else " and --frames"))
    return image, frames


def config_of(tensors: dict, about: dict, args) -> dict:
    kernel = tensors["embed.tubelet.weight"]
    width, pt = kernel.shape[0], kernel.shape[2]
    fe = about["variant"] == "fe"
    count = len(tensors["head.bias"])
    labels = about.get("labels") or [f"class {i}" for i in range(count)]
    if args.labels:
        labels = [line for line in args.labels.read_text().splitlines() if line]
    if len(labels) != count:
        raise Refused(f"{len(labels)} labels for a head of {count}; --labels FILE has one a line")
    image, frames = image_of(tensors, about, args)
    prefix = "spatial" if fe else "encoder"
    layers = {int(name.split(".")[2]) for name in tensors if name.startswith(f"{prefix}.blocks.")}
    over_time = {int(name.split(".")[2]) for name in tensors if name.startswith("temporal.blocks.")}
    rate = args.rate or 12.5 / pt
    heads = args.heads or about["H"] or width // 64
    return {
        "variant": about["variant"], "D": width, "H": heads, "L": len(layers), "Lt": len(over_time), "E": 1, "C": count,
        "image": image, "frames": frames, "tubelet": list(kernel.shape[2:]),
        "rate": {"min": 0.64 * rate, "nominal": rate, "max": 2 * rate},
        "resize_short": args.resize_short or about.get("resize_short") or round(min(image) * 8 / 7), "fit": "crop",
        "crop": "full", "planes": "rgb", "act": about["act"], "ln_eps": about["ln_eps"],
        "classifier": "token" if f"{prefix}.cls_token" in tensors else "gap", "cls_policy": "full", "router_input": "raw",
        "gate": "on", "w_form": "prod", "beta": 10.0, "delta": 2.0, "train_ec": [1.0, 1.0],
        "input": about.get("input") or {"scale": 1 / 255, "mean": [0.5] * 3, "std": [0.5] * 3},
        "labels": labels,
        "provenance": {"name": args.name or args.source.resolve().stem, "trained_on": args.trained_on, "terms": args.terms},
    }  # fmt: skip


def read(args) -> tuple[dict, dict]:
    """(tensors, config), checked."""
    kind = args.kind or kind_of(args.source)
    if args.hf_compat and kind != "huggingface":
        raise Refused("--hf-compat is for Hugging Face folders")
    try:
        if kind == "huggingface":
            tensors, about = read_huggingface(args.source, args.hf_compat)
        else:
            tensors, about = read_tadaconv(args.source) if kind == "tadaconv" else read_scenic(args.source)
        config = config_of(tensors, about, args)
        check_config(config)
    except (Refused, OSError, ImportError):
        raise
    except Exception as error:  # a file that is not what its name says can be wrong anywhere
        raise Refused(f"{args.source}: is not what it should be: {type(error).__name__}: {error}") from error
    return tensors, config


def convert(args) -> None:
    tensors, config = read(args)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[args.dtype]
    bad = [name for name, value in tensors.items() if not value.float().isfinite().all()]
    if bad:
        raise Refused(f"{args.source}: tensor {bad[0]} has values that are not finite")
    partial = args.out.with_name(args.out.name + ".part")
    save_model(partial, config, {name: value.float() for name, value in tensors.items()}, dtype)
    try:
        load_model(partial)  # every tensor there, of the right shape
    except Exception as error:
        partial.unlink()
        raise Refused(f"{args.source}: what it holds is no whole model: {error}") from error
    partial.replace(args.out)
    print(f"{args.out}: {config['variant']}, width {config['D']}, {config['H']} heads, {config['L']} layers"
          + (f" + {config['Lt']} over time" if config["Lt"] else "")
          + f", {config['frames']} frames of {config['image'][0]}x{config['image'][1]}, {config['C']} labels. "
          "A plain model: budgets below 1 need nested experts, which train.py trains in.")  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a Hugging Face folder, a .pyth file, or a flax checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="the model file to write")
    parser.add_argument("--kind", choices=("huggingface", "tadaconv", "scenic"), help="default: by what SOURCE is called")
    parser.add_argument("--labels", type=Path, help="text file, one label a line, where the weights come without")
    parser.add_argument("--heads", type=int, help="default: as the weights say, else width / 64")
    parser.add_argument("--image", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="default: a square, from the positions")
    parser.add_argument("--frames", type=int, help="frames of a clip, of a joint model whose weights do not say; default: 32")
    parser.add_argument("--resize-short", type=int, help="short side before the crop; default: 8/7 of the image")
    parser.add_argument("--rate", type=float, help="tubelets a second the weights were trained at; default: 12.5 frames a second")
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32", help="how matrices are stored; default: f32")
    parser.add_argument("--hf-compat", action="store_true", help="follow the folder's preprocessor_config.json for size and range of the pixels")
    parser.add_argument("--name", default="", help="the model's name; default: SOURCE's")
    parser.add_argument("--trained-on", default="", help="data, for the file's provenance")
    parser.add_argument("--terms", default="", help="licence of the weights, for the file's provenance")
    try:
        convert(parser.parse_args(arguments))
    except ImportError as error:
        print(f"convert.py: needs Python's {error.name} (requirements.txt)", file=sys.stderr)
        return 1
    except (Refused, OSError, ValueError) as error:
        print(f"convert.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
