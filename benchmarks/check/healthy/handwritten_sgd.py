import torch

torch.manual_seed(0)
X = torch.randn(500, 4)
y = torch.tanh(X @ torch.tensor([1.5, -2.0, 0.0, 0.7])) + 0.05 * torch.randn(500)
w1 = (torch.randn(4, 24) * 0.5).requires_grad_()
b1 = torch.zeros(24, requires_grad=True)
w2 = (torch.randn(24) * 0.2).requires_grad_()
params = [w1, b1, w2]
velocity = [torch.zeros_like(p) for p in params]
for step in range(300):
    i = torch.randint(0, 500, (50,))
    pred = torch.relu(X[i] @ w1 + b1) @ w2
    loss = ((pred - y[i]) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        for p, v in zip(params, velocity):
            v.mul_(0.9).add_(p.grad)
            p -= 0.02 * v
            p.grad = None
    if step % 60 == 59:
        print(step + 1, loss.item())
