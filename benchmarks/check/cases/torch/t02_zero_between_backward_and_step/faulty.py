import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_iris


class IrisNet(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def forward(self, x):
        return self.layers(x)


def main():
    torch.manual_seed(4)
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    ds = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
    loader = DataLoader(ds, batch_size=15, shuffle=True)
    net, criterion = IrisNet(), nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    for epoch in range(12):
        total, hits = 0.0, 0
        for inputs, labels in loader:
            outputs = net(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            total += loss.item()
            hits += (outputs.argmax(1) == labels).sum().item()
        print("epoch", epoch, "loss", round(total / len(loader), 4), "acc", hits / len(ds))


main()
