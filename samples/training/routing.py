"""Capacities and Expert Preferred Routing: how many tokens each expert takes, and which ones.

Experts are numbered from 0 (the smallest, D / 2^(E-1) wide) to E-1 (the whole width).
Source: Jain et al. 2024, arXiv:2407.19985, section 3 and Algorithm 1; the capacities here are the closed form of
its constrained optimisation (strictly concave, so there is one optimum).
"""
import math

import numpy as np
import torch


def expert_shares(experts: int) -> np.ndarray:
    """Width of each expert as a share of the model's, smallest first: 2^(1-E) .. 1."""
    return 2.0 ** (np.arange(experts) - (experts - 1))


def capacities(budget: float, experts: int, w_form: str = "prod", beta: float = 10.0, delta: float = 2.0) -> np.ndarray:
    """Share of the tokens per expert, float64 [E], smallest first; their mean width is the budget.

    Maximises sum c_j w_j - beta sum c_j ln c_j with sum c_j = 1 and sum c_j s_j = budget:
    c_j is proportional to exp(w_j / beta + lambda s_j), lambda found by bisection.
    """
    if math.isnan(budget) or budget < 0:
        raise ValueError(f"budget is {budget}; it must be a number of at least 0")
    share = expert_shares(experts)
    if budget >= 1:
        return np.eye(experts)[-1]
    if budget <= share[0]:
        return np.eye(experts)[0]
    exponent = np.arange(experts, dtype=np.float64)
    weight = delta**exponent if w_form == "prod" else delta**-exponent

    def solution(lagrange: float) -> np.ndarray:
        z = weight / beta + lagrange * share
        z = np.exp(z - z.max())
        return z / z.sum()

    low, high = -2000.0, 2000.0
    steepest = np.ptp(weight / beta) / share[0]  # the multiplier that turns the order round
    if steepest > high / 2:
        low, high = -4 * steepest, 4 * steepest
    for _ in range(200):
        middle = (low + high) / 2
        if solution(middle) @ share < budget:
            low = middle
        else:
            high = middle
    return solution((low + high) / 2)


def token_counts(budget: float, tokens: int, experts: int, **form) -> list[int]:
    """Tokens per expert, smallest first. Shares round down; what is left goes to the smallest expert."""
    share = capacities(budget, experts, **form)
    counts = [int(math.floor(c * tokens + 1e-6)) for c in share]
    counts[0] = tokens - sum(counts[1:])
    return counts


def realised_budget(counts: list[int]) -> float:
    return float(np.asarray(counts) @ expert_shares(len(counts)) / max(1, sum(counts)))


def assign_experts(probs: torch.Tensor, counts: list[int]) -> torch.Tensor:
    """Gives every row one expert: the largest expert chooses first, expert 0 takes what is left.

    probs: [sets, rows, E]; counts: rows per expert, smallest first. Returns int64 [sets, rows].
    Equal probabilities go to the lower row; NaN ranks after every number; rows already taken are masked out rather
    than zeroed, so a probability that underflowed to 0 does not tie with them.
    """
    sets, rows, experts = probs.shape
    assert sum(counts) == rows and len(counts) == experts
    probs = probs.detach().float()
    result = torch.zeros(sets, rows, dtype=torch.int64, device=probs.device)
    for expert in range(experts - 1, 0, -1):
        score = probs[:, :, expert]
        score = torch.where(score.isnan(), torch.full_like(score, -1.0), score)
        score = score.masked_fill(result > 0, -math.inf)
        order = score.sort(dim=1, descending=True, stable=True).indices
        result.scatter_(1, order[:, : counts[expert]], expert)
    return result


def random_experts(budget: float, sets: int, rows: int, experts: int, generator: torch.Generator, **form) -> torch.Tensor:
    """The same number of rows per expert as the router would give, but any rows: the control. int64 [sets, rows]."""
    counts = torch.tensor(token_counts(budget, rows, experts, **form))
    order = torch.rand(sets, rows, generator=generator).argsort(1)
    return torch.arange(experts).repeat_interleave(counts)[order]
