import torch

torch.manual_seed(0)
X = torch.randn(200, 3)
y = X @ torch.tensor([2.0, -1.0, 0.5]) + 3.0
w = torch.zeros(3, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 0.1

for epoch in range(40):
    loss = ((X @ w + b - y) ** 2).mean()
    loss.backward()
    w -= lr * w.grad
    b -= lr * b.grad
    w.grad.zero_()
    b.grad.zero_()
print("loss", loss.item(), "w", w.tolist(), "b", b.item())
