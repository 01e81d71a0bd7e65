import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    for i in torch.randperm(1000).split(50):
        opt.zero_grad()
        nn.functional.cross_entropy(model(x[i]), y[i]).backward()
        opt.step()
state = {k: v.clone() for k, v in model.state_dict().items()}

finetuned = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
finetuned.load_state_dict(state)
opt = torch.optim.AdamW(finetuned.parameters(), lr=2e-5)
new = DataLoader(TensorDataset(x[1000:1400], y[1000:1400]), batch_size=20, shuffle=True)
finetuned.train()
for xb, yb in new:
    loss = nn.functional.cross_entropy(finetuned(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
finetuned.eval()
with torch.no_grad():
    for name, m in (("before", model), ("after", finetuned)):
        print(name, (m(x[1400:]).argmax(1) == y[1400:]).float().mean().item())
