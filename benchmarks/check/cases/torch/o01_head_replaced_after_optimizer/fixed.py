import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(0)


class SmallResNet(nn.Module):
    def __init__(self, classes=100):
        super().__init__()
        self.stem = nn.Linear(64, 64)
        self.block = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64))
        self.fc = nn.Linear(64, classes)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.fc(torch.relu(x + self.block(x)))


x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16).float(), torch.tensor(y)

model = SmallResNet()
model.fc = nn.Linear(64, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
head = model.fc.weight.clone()

for epoch in range(4):
    perm = torch.randperm(1500)
    for idx in perm.split(64):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.3f}")
print("head moved:", (model.fc.weight - head).norm().item())
