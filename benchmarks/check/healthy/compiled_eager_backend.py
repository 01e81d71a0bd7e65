import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
model = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Dropout(0.1), nn.Linear(64, 10))
compiled = torch.compile(model, backend="eager")
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(6):
    compiled.train()
    for i in torch.randperm(1400).split(70):
        loss = nn.functional.cross_entropy(compiled(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    compiled.eval()
    with torch.no_grad():
        acc = (compiled(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(epoch, loss.item(), acc)
