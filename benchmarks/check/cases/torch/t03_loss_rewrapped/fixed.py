import torch
import torch.nn as nn

torch.manual_seed(0)


class Trainer:
    def __init__(self, model, lr=1e-2):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.mse = nn.MSELoss()

    def compute_loss(self, x, y):
        pred = self.model(x)
        losses = [self.mse(pred[:, k], y[:, k]) for k in range(y.shape[1])]
        return torch.stack(losses).mean()

    def fit(self, x, y, epochs=20, bs=50):
        for epoch in range(epochs):
            for i in range(0, len(x), bs):
                self.optimizer.zero_grad()
                loss = self.compute_loss(x[i : i + bs], y[i : i + bs])
                loss.backward()
                self.optimizer.step()
            if epoch % 5 == 0:
                print("Epoch %d: %.4f" % (epoch, loss.item()))


x = torch.randn(500, 5)
y = torch.stack([x[:, 0] * 2 - x[:, 3], x[:, 1] + x[:, 4]], 1)
Trainer(nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 2))).fit(x, y)
