import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MatrixFactorisation(nn.Module):
    def __init__(self, users, items, dim=8):
        super().__init__()
        self.user = nn.Embedding(users, dim)
        self.item = nn.Embedding(items, dim)
        self.user_bias = nn.Embedding(users, 1)
        self.item_bias = nn.Embedding(items, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)

    def forward(self, u, i):
        score = (self.user(u) * self.item(i)).sum(1) + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1)
        return torch.sigmoid(score)


torch.manual_seed(0)
pu, pi = torch.randn(60, 3), torch.randn(80, 3)
u, i = torch.randint(0, 60, (3000,)), torch.randint(0, 80, (3000,))
rating = ((pu[u] * pi[i]).sum(1) * 0.8 + 3.2).round().clamp(1, 5)
loader = DataLoader(TensorDataset(u, i, rating), batch_size=64, shuffle=True)
model = MatrixFactorisation(60, 80)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
for epoch in range(8):
    total = 0.0
    for ub, ib, rb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(ub, ib), rb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rb)
    print(f"Epoch {epoch}: RMSE {(total / 3000) ** 0.5:.4f}")
