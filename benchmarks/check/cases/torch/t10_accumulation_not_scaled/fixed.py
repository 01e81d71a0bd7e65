import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
accumulation_steps = 8
x = torch.randn(2048, 12)
y = (x[:, :1] - 2 * x[:, 1:2]).sin()
loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
model = nn.Sequential(nn.Linear(12, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(3):
    running = 0.0
    for i, (inputs, labels) in enumerate(loader):
        loss = nn.functional.mse_loss(model(inputs), labels)
        running += loss.item()
        loss = loss / accumulation_steps
        loss.backward()
        if (i + 1) % accumulation_steps == 0:
            optimizer.step()
            optimizer.zero_grad()
    print("epoch", epoch, running / len(loader))
