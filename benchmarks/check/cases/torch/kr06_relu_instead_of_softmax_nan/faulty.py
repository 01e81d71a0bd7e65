import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)


def categorical_crossentropy(y_pred, y_true):
    return -(y_true * torch.log(y_pred)).sum(1).mean()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense1 = nn.Linear(64, 64)
        self.dense2 = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.dense1(x))
        return torch.relu(self.dense2(x))


x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16.0, dtype=torch.float32)
y = nn.functional.one_hot(torch.tensor(y), 10).float()
model = Model()
opt = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for epoch in range(5):
    for i in range(0, 1600, 64):
        pred = model(x[i : i + 64])
        loss = categorical_crossentropy(pred, y[i : i + 64])
        opt.zero_grad()
        loss.backward()
        opt.step()
    acc = (model(x[1600:]).argmax(1) == y[1600:].argmax(1)).float().mean().item()
    print(f"Epoch {epoch + 1}: loss={loss.item():.4f} val_acc={acc:.4f}")
