import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)


class PatchClassifier(nn.Module):
    """Rows of the picture are the patches; a class token collects them."""

    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Linear(8, dim)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.position = nn.Parameter(0.02 * torch.randn(1, 9, dim))
        self.block = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        tokens = self.embed(x)
        cls = self.cls.expand(len(x), -1, -1)
        tokens = cls + self.position[:, :1]
        return self.head(self.block(tokens)[:, 0])


digits = load_digits()
x = torch.tensor(digits.images / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
model = PatchClassifier()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(4):
    for b in torch.randperm(1400).split(56):
        loss = nn.functional.cross_entropy(model(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print("epoch", epoch, loss.item(), (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
