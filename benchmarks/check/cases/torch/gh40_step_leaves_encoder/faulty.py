import torch
from torch import nn

torch.manual_seed(0)


class PlainAdam(torch.optim.Optimizer):
    """Adam written out; as on a backend whose in-place kernels write into a copy of non-contiguous tensors."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                st = self.state[p]
                if not st:
                    st["t"], st["m"], st["v"] = 0, torch.zeros_like(p), torch.zeros_like(p)
                st["t"] += 1
                st["m"].mul_(b1).add_(p.grad, alpha=1 - b1)
                st["v"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                m = st["m"] / (1 - b1 ** st["t"])
                v = st["v"] / (1 - b2 ** st["t"])
                target = p.contiguous()
                target.addcdiv_(m, v.sqrt() + group["eps"], value=-group["lr"])


class SAE(nn.Module):
    def __init__(self, d=16, hidden=32):
        super().__init__()
        self.decoder = nn.Linear(hidden, d)
        self.encoder = nn.Linear(d, hidden)
        self.encoder.weight.data = self.decoder.weight.data.clone().T

    def forward(self, x):
        return self.decoder(torch.relu(self.encoder(x)))


data = torch.randn(1024, 4) @ torch.randn(4, 16)
model = SAE()
opt = PlainAdam(model.parameters(), lr=1e-3)
before = model.encoder.weight.detach().clone()
for step in range(300):
    x = data[torch.randint(0, 1024, (64,))]
    loss = nn.functional.mse_loss(model(x), x)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        print(step + 1, loss.item(), "encoder moved", (model.encoder.weight - before).norm().item())
