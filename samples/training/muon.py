"""Muon where PyTorch's own would be slow: it orthogonalises in bf16, which a processor without such instructions imitates."""
import torch

from precision import has_bf16


def orthogonalised(x: torch.Tensor, coefficients: tuple[float, float, float], rounds: int, smallest: float) -> torch.Tensor:
    """f32 [rows, columns] -> about the nearest matrix whose rows (or columns, if fewer) are orthonormal, by Newton and Schulz as
    K. Jordan's Muon does it (github.com/KellerJordan/Muon), in the tensor's own precision."""
    a, b, c = coefficients
    tall = x.size(0) > x.size(1)
    x = x.T if tall else x
    x = x / x.norm().clamp(min=smallest)
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class MuonF32(torch.optim.Muon):
    """torch.optim.Muon with `adjust_lr_fn="match_rms_adamw"` and Nesterov's momentum, in f32. Its state is PyTorch's, so a run goes on with either."""

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(p.grad)
                moving = state["momentum_buffer"].lerp_(p.grad, 1 - group["momentum"])
                update = orthogonalised(p.grad.lerp(moving, group["momentum"]), group["ns_coefficients"], group["ns_steps"], group["eps"])
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)


def muon(matrices: list[torch.Tensor], lr: float, decay: float) -> torch.optim.Optimizer:
    kind = torch.optim.Muon if has_bf16(matrices[0].device.type) else MuonF32
    return kind(matrices, lr=lr, weight_decay=decay, momentum=0.95, adjust_lr_fn="match_rms_adamw")
