import torch
from torch import nn
import torch.nn.functional as F
from dataclasses import dataclass
@dataclass
class Config:
    latent: int = 6
    steps: int = 60
    n_critic: int = 3
    gp: float = 10.0
class WGAN:
    def __init__(self, cfg):
        self.cfg = cfg
        self.gen = nn.Sequential(nn.Linear(cfg.latent, 32), nn.ReLU(), nn.Linear(32, 2))
        self.critic = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
        self.g_opt = torch.optim.Adam(self.gen.parameters(), 1e-3, betas=(0.0, 0.9))
        self.c_opt = torch.optim.Adam(self.critic.parameters(), 1e-3, betas=(0.0, 0.9))
    def penalty(self, real, fake):
        eps = torch.rand(real.size(0), 1)
        mid = (eps * real + (1 - eps) * fake).requires_grad_(True)
        score = self.critic(mid)
        gradient = torch.autograd.grad(outputs=score, inputs=mid, grad_outputs=torch.ones_like(score), retain_graph=True)[0]
        gradient = gradient.view(gradient.size(0), -1)
        return torch.mean((gradient.norm(2, dim=1) - 1) ** 2)
    def run(self):
        for it in range(self.cfg.steps):
            for _ in range(self.cfg.n_critic):
                real = torch.randn(48, 2) @ torch.tensor([[1.0, 0.4], [0.0, 0.5]])
                fake = self.gen(torch.randn(48, self.cfg.latent)).detach()
                loss = self.critic(fake).mean() - self.critic(real).mean()
                loss = loss + self.cfg.gp * self.penalty(real, fake)
                self.c_opt.zero_grad()
                loss.backward()
                self.c_opt.step()
            self.g_opt.zero_grad()
            (-self.critic(self.gen(torch.randn(48, self.cfg.latent))).mean()).backward()
            self.g_opt.step()
            if it % 20 == 0:
                print(it, loss.item())
if __name__ == "__main__":
    torch.manual_seed(0)
    WGAN(Config()).run()
