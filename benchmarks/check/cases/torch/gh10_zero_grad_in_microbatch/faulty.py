import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
ACCUM = 4

w = torch.randn(32, 4)
x = torch.randn(2048, 32)
x = x @ w @ torch.randn(4, 32) / 8 + 0.1 * x
loader = DataLoader(TensorDataset(x), batch_size=16, shuffle=True, drop_last=True)


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(32, 16), nn.GELU(), nn.Linear(16, 4))
        self.decoder = nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.Linear(16, 32))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder()
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
for epoch in range(5):
    running = 0.0
    for i, (batch,) in enumerate(loader):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(batch), batch) / ACCUM
        loss.backward()
        running += loss.item() * ACCUM
        if (i + 1) % ACCUM == 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
    print(f"epoch {epoch}: reconstruction {running / len(loader):.4f}")
