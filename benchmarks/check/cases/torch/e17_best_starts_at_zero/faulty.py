import os
import tempfile

import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class Trainer:
    def __init__(self, model, lr, out_dir):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.criterion = nn.CrossEntropyLoss()
        self.best_loss = 0.0
        self.path = os.path.join(out_dir, "best.pt")

    def run(self, train, valid, epochs):
        for epoch in range(epochs):
            self.model.train()
            for idx in torch.randperm(len(train[0])).split(50):
                loss = self.criterion(self.model(train[0][idx]), train[1][idx])
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
            val_loss = self.evaluate(valid)
            print(f"[{epoch}] val_loss={val_loss:.4f}")
            if val_loss < self.best_loss:
                self.best_loss = val_loss
                torch.save(self.model.state_dict(), self.path)

    @torch.no_grad()
    def evaluate(self, data):
        self.model.eval()
        return self.criterion(self.model(data[0]), data[1]).item()


torch.manual_seed(42)
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
with tempfile.TemporaryDirectory() as out_dir:
    trainer = Trainer(net, 0.05, out_dir)
    trainer.run((x[:1250], y[:1250]), (x[1250:1500], y[1250:1500]), epochs=10)
    print("files:", os.listdir(out_dir))
net.eval()
print("test accuracy", (net(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
