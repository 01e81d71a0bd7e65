import torch
from torch import nn

torch.manual_seed(0)
USERS, ITEMS = 150, 60
u_true, i_true = torch.randn(USERS, 2), torch.randn(ITEMS, 2)


class Recommender(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.users = nn.Embedding(USERS, dim, sparse=True)
        self.items = nn.Embedding(ITEMS, dim, sparse=True)
        self.mlp = nn.Sequential(nn.Linear(3 * dim, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, u, i):
        a, b = self.users(u), self.items(i)
        return self.mlp(torch.cat([a, b, a * b], 1)).squeeze(1)


model = Recommender()
tables = [*model.users.parameters(), *model.items.parameters()]
sparse_opt = torch.optim.SparseAdam(tables, lr=0.03)
dense_opt = torch.optim.AdamW(model.mlp.parameters(), lr=3e-3)
for step in range(500):
    u, i = torch.randint(0, USERS, (64,)), torch.randint(0, ITEMS, (64,))
    clicked = ((u_true[u] * i_true[i]).sum(1) > 0).float()
    loss = nn.functional.binary_cross_entropy_with_logits(model(u, i), clicked)
    sparse_opt.zero_grad()
    dense_opt.zero_grad()
    loss.backward()
    sparse_opt.step()
    dense_opt.step()
    if step % 100 == 99:
        print(step + 1, loss.item())
