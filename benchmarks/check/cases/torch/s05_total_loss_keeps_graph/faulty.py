import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(2000, 30)
y = x[:, :5].sum(1, keepdim=True).tanh()
model = nn.Sequential(nn.Linear(30, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loss_function = nn.MSELoss()

total_loss = 0
for step in range(1, 301):
    idx = torch.randint(0, 2000, (64,))
    optimizer.zero_grad()
    loss = loss_function(model(x[idx]), y[idx])
    loss.backward()
    optimizer.step()
    total_loss += loss
    if step % 100 == 0:
        print("step", step, "average loss", float(total_loss) / step)
