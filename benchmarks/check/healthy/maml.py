import torch
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
meta = torch.optim.Adam(net.parameters(), lr=2e-3)


def task():
    amplitude, phase = 0.5 + 4 * torch.rand(1), 3.14 * torch.rand(1)
    x = torch.rand(20, 1) * 10 - 5
    return x, amplitude * torch.sin(x + phase)


for it in range(120):
    outer, before = 0.0, 0.0
    for _ in range(4):
        x, y = task()
        weights = dict(net.named_parameters())
        inner = nn.functional.mse_loss(functional_call(net, weights, (x[:10],)), y[:10])
        grads = torch.autograd.grad(inner, weights.values(), create_graph=True)
        fast = {k: w - 0.02 * g for (k, w), g in zip(weights.items(), grads)}
        outer = outer + nn.functional.mse_loss(functional_call(net, fast, (x[10:],)), y[10:])
        before += inner.item() / 4
    outer = outer / 4
    meta.zero_grad()
    outer.backward()
    meta.step()
    if it % 30 == 29:
        print(it + 1, "before adapting", round(before, 3), "after", round(outer.item(), 3))
