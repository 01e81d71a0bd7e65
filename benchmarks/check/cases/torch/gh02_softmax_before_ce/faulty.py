import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class LogisticRegression(nn.Module):
    def __init__(self, input_dim, num_classes):
        super().__init__()
        self.linear = nn.Linear(input_dim, num_classes)

    def forward(self, x):
        x = self.linear(x)
        y_hat = F.softmax(x, dim=-1)
        return y_hat


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()

    torch.manual_seed(42)
    x, y = load_iris(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, random_state=0, stratify=y)
    mean, std = x_tr.mean(0), x_tr.std(0)
    to = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
    loader = DataLoader(TensorDataset(to(x_tr), torch.tensor(y_tr)), batch_size=16, shuffle=True)

    model = LogisticRegression(4, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        for xb, yb in loader:
            y_hat = model(xb)
            loss = F.cross_entropy(y_hat, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        acc = (model(to(x_te)).argmax(1).numpy() == y_te).mean()
    print(f"final loss {loss.item():.3f}, test accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
