import torch
from torch import nn
from sklearn.datasets import load_iris


class IrisModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-2)

    def forward(self, x):
        return self.net(x)

    def fit(self, x, y):
        for epoch in range(30):
            for idx in torch.randperm(len(x)).split(15):
                self.optimizer.zero_grad()
                loss = nn.functional.cross_entropy(self(x[idx]), y[idx])
                loss.backward()
                self.optimizer.step()
        return loss.item()


torch.manual_seed(0)
x, y = load_iris(return_X_y=True)
x, y = torch.tensor((x - x.mean(0)) / x.std(0)).float(), torch.tensor(y)
model = IrisModel()
print("loss", model.fit(x, y))
model.eval()
print("accuracy", (model(x).argmax(1) == y).float().mean().item())
