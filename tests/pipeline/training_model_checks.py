"""The trainer's model, router, optimiser and controls, checked piece by piece; called by training_smoke.py."""
import copy
import sys
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "data"


def check_device(model: Path, out: Path) -> None:
    """Every tensor of a step is where the model is. Pretended CUDA tensors have a place and a shape and no values, so this needs no GPU."""
    import numpy as np
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    import train
    from actors import Actors
    from clips import Batch, rendered
    from cutter import Cutter
    from run import Run

    sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--steps", "9", "--nested", "0.5", "--device", "cpu"]
    run = Run(train.parse_arguments(), None)
    batch = rendered(Actors(), Cutter(run.config), run.config, np.random.default_rng(1), 5, 4, 1.0)
    mode, run.device = FakeTensorMode(), torch.device("cuda")
    with mode:
        for module in [*run.model.modules(), *run.helpers.modules()]:
            for name, value in module._parameters.items():
                module._parameters[name] = torch.nn.Parameter(torch.empty(value.shape, device="cuda"))
        run.scale, run.shift = torch.empty(run.scale.shape, device="cuda"), torch.empty(run.shift.shape, device="cuda")
        batch = Batch(*(mode.from_tensor(getattr(batch, name)) for name in Batch.__dataclass_fields__)).to(run.device)
        for logits, extra in [run.nested_step(batch), *(run.routed_step(batch, share) for share in (0.0, 0.3, 0.6, 0.9))]:
            assert logits.device.type == extra.device.type == "cuda"
        run.model.forward_tokens(run.pixels(batch.tubelets), 0.5)


def check_order(model) -> None:
    """Tokens are given with their places, so their order says nothing; and a window is the same in a stream and by itself."""
    import torch

    import evaluate

    torch.manual_seed(1)
    cut = torch.randn(2, model.nt, model.ns, model.embed.tubelet.weight[0].numel())
    places = torch.rand(cut.shape[:3]).argsort(-1)
    shuffled = cut.gather(2, places[..., None].expand_as(cut))
    with torch.no_grad():
        straight, other = model.forward_tokens(cut)[0], model.forward_tokens(shuffled, chosen=places)[0]
        assert torch.allclose(straight, other, atol=1e-4), (straight - other).abs().max()
        tubelets = torch.randint(256, (model.nt + 2, *cut.shape[2:]), dtype=torch.uint8)
        seen = evaluate.windows(model, tubelets, 0.5)
        alone = torch.cat([evaluate.predict(model, tubelets[None, k : k + model.nt], 0.5) for k in range(3)])
        assert torch.allclose(seen, alone, atol=0.02 * alone.abs().max().item()), (seen - alone).abs().max()


def check_router_start(model: Path, out: Path) -> None:
    """What a token is worth is ranked among those that share its budget, a tubelet's or a clip's; the class token is not among them."""
    import numpy as np
    import torch

    import train
    from actors import ABSENT, JOINTS, PERSONS
    from clips import Batch
    from run import Run

    sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--steps", "9", "--nested", "0.5", "--device", "cpu"]
    run = Run(train.parse_arguments(), None)
    model, frames = run.model, run.config["frames"]
    tubelets = torch.randint(256, (2, model.nt, model.ns, 3 * int(np.prod(run.config["tubelet"]))), dtype=torch.uint8)
    motion = torch.rand(tubelets.shape[:3])
    motion[:, 0] *= 0.01  # hardly anything moves at first
    batch = Batch(tubelets, torch.zeros(2).long(), torch.full((2, frames, PERSONS, JOINTS, 2), ABSENT), motion)
    most = run.importance(batch).view_as(motion)[:, 0].max()
    assert (most == 1) if model.is_fe else (most < 0.1), most
    before = model.mone.router.weight.clone()
    run.start_router([batch])
    assert not torch.equal(before, model.mone.router.weight)


def check_wide_router() -> None:
    """The router's start finds what can be found in wide rows, too."""
    import math

    import torch
    from helpers import fit_router

    torch.manual_seed(1)
    rows = torch.nn.functional.layer_norm(torch.randn(1, 1, 768) + torch.randn(8, 64, 768), (768,))
    loss = fit_router(torch.nn.Linear(768, 4), rows, rows[..., 0])
    assert loss < 0.8 * math.log(4), f"{loss}; chance is {math.log(4)}"


def check_muon() -> None:
    """In f32 it walks where PyTorch's walks in bf16, and one goes on from the other's state."""
    import torch

    if not hasattr(torch.optim, "Muon"):
        return
    from muon import MuonF32

    torch.manual_seed(1)
    start = [torch.randn(shape) for shape in ((16, 48), (48, 16), (32, 32))]
    theirs, ours = ([torch.nn.Parameter(w.clone()) for w in start] for _ in range(2))
    optimizers = [kind(weights, lr=0.01, weight_decay=0.05, momentum=0.95, adjust_lr_fn="match_rms_adamw")
                  for kind, weights in ((torch.optim.Muon, theirs), (MuonF32, ours))]  # fmt: skip
    for turn in range(6):
        if turn == 3:
            optimizers[1].load_state_dict(copy.deepcopy(optimizers[0].state_dict()))
        for a, b in zip(theirs, ours):
            a.grad = torch.randn_like(a)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for a, b, w in zip(theirs, ours, start):
        apart = ((a - b).norm() / (a - w).norm()).item()
        assert 0 < apart < 0.03, apart


def check_precision(here: Path) -> None:
    """bf16 where the processor has instructions for it, and only there."""
    import torch
    from precision import autocast, has_bf16

    for flags, wanted in (("flags\t: fpu avx2 avx512f amx_bf16", True), ("flags\t: fpu avx2 avx512f", False), ("Features : fp asimd bf16", True),
                          ("model name : bf16\nflags : fpu", False), ("", False)):  # fmt: skip
        (here / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
        has_bf16.cache_clear()
        assert has_bf16("cpu", here / "cpuinfo") == wanted, flags
    has_bf16.cache_clear()
    assert not has_bf16("cpu", here / "no such file")
    with autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == (torch.bfloat16 if has_bf16("cpu") else torch.float32)


def check_control() -> None:
    """The control has as many tokens of each expert as the router gives, whatever the format's fields say."""
    import torch
    from evaluate import at_random
    from model_file import load_model

    for name in ("fe_token", "fe_cls_routed", "joint_gap"):
        model = load_model(GOLDEN / f"{name}.safetensors").eval()
        for form in ("prod", "frac"):
            model.config["w_form"] = form
            tubelets = torch.randint(0, 256, (2, model.nt, model.ns, 3 * int(torch.tensor(model.config["tubelet"]).prod())), dtype=torch.uint8)
            sets, rows = model.row_sets(tubelets).shape[:2]
            forced = at_random(model, 0.5, sets, rows, torch.Generator().manual_seed(1))
            with torch.no_grad():
                routing = model.forward_tokens(tubelets.float() / 255, 0.5)[2]
                model.forward_tokens(tubelets.float() / 255, 0.5, forced)
            assert forced.shape == routing.assign.shape, (name, forced.shape, routing.assign.shape)
            assert forced[0].bincount(minlength=model.config["E"]).tolist() == routing.counts, (name, form)


def check_router_precision(model) -> None:
    """The router is f32 also where the rest is bf16 (spec section 7)."""
    import torch

    rows = torch.randn(2, model.routed.pos_embed.shape[0], model.config["D"])
    with torch.no_grad():
        plain = model.route(model.routed, rows, 0.5).probs
        with torch.autocast("cpu", torch.bfloat16):
            mixed = model.route(model.routed, rows, 0.5).probs
    assert mixed.dtype == torch.float32 and torch.equal(plain, mixed), (plain - mixed).abs().max()


def check_evaluations_leave_no_trace(model: Path, out: Path) -> None:
    """When an evaluation comes is a matter of the clock; what training draws after it is not."""
    import torch
    import train
    from run import Run

    sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--steps", "9", "--device", "cpu"]
    run = Run(train.parse_arguments(), None)
    state = torch.get_rng_state()
    run.averaged()
    assert torch.equal(state, torch.get_rng_state())


def check_denial() -> None:
    """The loss of a label that is denied: what the model gives to it goes down, however sure it is, and the rest stands in its order."""
    import torch
    from helpers import are_right, label_loss

    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0], [40.0, 0.0, 0.0]], requires_grad=True)
    shares = logits.softmax(-1)
    shown = torch.nn.functional.cross_entropy(logits[1:2], torch.tensor([1]), label_smoothing=0.05)
    assert torch.allclose(label_loss(logits[:1], torch.tensor([~0])), -torch.log(1 - shares[0, 0]))
    both = label_loss(logits[:2], torch.tensor([~0, 1]))
    assert torch.allclose(both, (-torch.log(1 - shares[0, 0]) + shown) / 2)
    label_loss(logits[2:], torch.tensor([~0])).backward()
    assert logits.grad[2, 0] > 0.99 and logits.grad[2, 1] < 0, logits.grad
    assert are_right(logits, torch.tensor([~0, 1, ~1])).tolist() == [False, True, True]


def check_blend(blended: Path, halves: list[Path]) -> None:
    import torch
    from model_file import load_model

    one, other, mean = (load_model(path) for path in (*halves, blended))
    raised = torch.zeros(len(mean.config["labels"]))
    raised[mean.config["labels"].index("wave")] = 0.5
    for name, value in mean.state_dict().items():
        wanted = (one.state_dict()[name] + other.state_dict()[name]) / 2 + (raised if name == "head.bias" else 0)
        assert torch.allclose(value, wanted, rtol=2**-8, atol=1e-6), name
    assert not torch.equal(one.head.weight, other.head.weight), "two models alike show nothing"


def check_ties() -> None:
    """Tokens that are worth as much are asked for as much, wherever they lie."""
    import torch
    from helpers import mean_ranks, router_start_loss

    assert mean_ranks(torch.tensor([[3.0, 1.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]])).tolist() == [[2.5, 0, 2.5, 1], [1.5] * 4]
    probs = torch.full((2, 9, 4), 0.25, requires_grad=True)
    router_start_loss(probs, torch.zeros(2, 9)).backward()
    assert torch.allclose(probs.grad[:, :1].expand_as(probs.grad), probs.grad), probs.grad


def check_start(model: Path, out: Path) -> None:
    """What would lose the start, or go on as it was not begun, is refused; few steps are no reason to weigh one below nothing."""
    import contextlib
    import io

    import train
    from run import Run

    def run(*more: str) -> Run:
        sys.argv = ["train.py", "--init", str(model), "--out", str(out), "--device", "cpu", *more]
        return Run(train.parse_arguments(), None)

    def refused(*more: str) -> str:
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                run(*more)
        except SystemExit as error:
            return f"{said.getvalue()}{error}"
        raise AssertionError(f"{more} was taken")

    assert "--out is the model of --init" in refused("--out", f"{model.parent}/./{model.name}")
    for steps, decay in ((1, 0), (3, 0), (5, 0.2)):
        assert abs(run("--steps", str(steps)).average.decay - decay) < 1e-9, steps
    run("--steps", "9", "--lr", "1e-3").save()
    run("--steps", "9", "--lr", "1e-3")
    assert "other lr (0.001)" in refused("--steps", "9", "--lr", "5e-4")
    assert "other matrix-lr (0.002)" in refused("--steps", "9", "--matrix-lr", "1e-3")
    assert run("--budgets", "0.25").config["train_ec"] == [0.25, 0.25], "the file would say that it was trained at other budgets"
    early = run("--steps", "9")  # one that was asked to finish, and did
    early.step, early.cut = 4, (2, 4, 9)
    early.save()
    assert run("--steps", "9").progress() == 1
    for more in (["--steps", "16"], ["--minutes", "60"]):
        assert run(*more).progress() < 1, "what was finished early goes on, as is said"


def check_curves(here: Path) -> None:
    """A row that was not written to its end does not keep a run from going on."""
    from train import Curves

    (here / "curves").mkdir()
    head = ",".join(Curves.NAMES)
    for last in ("0.2", "0.2,60,240,1.0", "0.2,6x,240,1,.5,.1,,", "\0\0\0", "0.2,60,240,1.0,.5,.1,.6,.4"):
        (here / "curves" / "curves.csv").write_text(f"{head}\n0.1,50,200,1.0,.5,.1,,\n{last}")
        curves = Curves(here / "curves", 100)
        curves.row(minutes=0.3, step=100, clips=400)
        curves.file.close()
        rows = (here / "curves" / "curves.csv").read_text().splitlines()
        assert [row.split(",")[1] for row in rows] == ["step", "50", "100"], rows
    assert not (here / "curves" / "curves.csv.new").exists()


def check_blend_refuses(model: Path, here: Path) -> None:
    """Models that see otherwise are not mixed, no label is all there is to leave out, and what is f32 stays so."""
    import contextlib
    import io

    import blend
    import torch
    from model_file import load_model, read_tensors, save_model

    def said(*given) -> str:
        out = io.StringIO()
        sys.argv = ["blend.py", *map(str, given), "--out", str(here / "blend.safetensors")]
        with contextlib.redirect_stderr(out):
            try:
                blend.main()
            except SystemExit as error:
                out.write(str(error))
        return out.getvalue()

    whole = load_model(model)
    for key, value in (("rate", {"min": 2.0, "nominal": 7.5, "max": 12.5}), ("crop", "full"), ("train_ec", [0.3, 0.4])):
        save_model(here / "other.safetensors", whole.config | {key: value}, whole.state_dict())
        assert (f"{key} is" in said(model, here / "other.safetensors")) == (key != "train_ec"), key
    label = whole.config["labels"][0]
    for number in ("nan", "inf"):
        assert "a number that is added" in said(model, "--raise", f"{label}={number}")
    assert "no label is left" in said(model, *(word for name in whole.config["labels"] for word in ("--drop", name)))
    for dtype in (torch.float32, torch.bfloat16):
        save_model(here / "other.safetensors", whole.config, whole.state_dict(), dtype)
        assert said(here / "other.safetensors", "--raise", f"{label}=1") == ""
        assert read_tensors(here / "blend.safetensors")[0]["head.weight"].dtype == dtype


def check_figures() -> None:
    """Clips have intervals; their windows, which overlap, have none."""
    import torch
    from evaluate_footage import figures_of, in_words

    rows = [("walk", torch.tensor([[2.0, 0.0], [1.0, 0.0]])), ("nothing", torch.tensor([[1.0, 0.0], [0.0, 1.0]]))]
    figures = figures_of(["walk", "nothing"], {"set": rows})["set"]
    assert "low" in figures["closed"] and "low" in figures["open"] and "[" in in_words(figures["open"])
    assert figures["windows"] == {"share": 0.75, "n": 4} and figures["false_actions"] == {"share": 0.5, "n": 2}, figures
    assert in_words(figures["windows"]) == "0.750 of 4"
