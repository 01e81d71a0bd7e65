import math

import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, TensorDataset


class Config:
    epochs = 5
    batch_size = 20
    lr = 3e-3
    seed = 1


def train(cfg):
    torch.manual_seed(cfg.seed)
    x = torch.rand(1000, 1) * 6 - 3
    y = torch.sin(2 * x) + 0.05 * torch.randn_like(x)
    loader = DataLoader(TensorDataset(x, y), batch_size=cfg.batch_size, shuffle=True)
    model = nn.Sequential(nn.Linear(1, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
    scheduler = CosineAnnealingLR(optimizer, T_max=cfg.epochs * len(loader))
    for epoch in range(cfg.epochs):
        for xb, yb in loader:
            loss = nn.functional.mse_loss(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        print("epoch", epoch, "rmse", round(math.sqrt(loss.item()), 4), "lr", scheduler.get_last_lr())


train(Config)
