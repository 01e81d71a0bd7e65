"""T04 the loss never moves: scripts that must fire and that must not."""

FIRES = {
    "an update by hand that binds a new name": """
w = torch.zeros(8, 3, requires_grad=True)
for step in range(30):
    w.grad = None
    loss = F.cross_entropy(X @ w, three)
    loss.backward()
    for p in [w]:
        p = p - 0.1 * p.grad
""",
}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a surrogate whose value is always one": """
w = torch.zeros(8, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range(30):
    optimizer.zero_grad()
    chance = torch.sigmoid(X @ w)
    logp = torch.where(two == 1, chance, 1 - chance).log()
    torch.exp(logp - logp.detach()).mean().neg().backward()
    optimizer.step()
""",
    "a fit that has ended": """
w = torch.zeros(8, requires_grad=True, dtype=torch.float64)
optimizer = torch.optim.LBFGS([w], lr=1.0, line_search_fn="strong_wolfe")
goal = X.double() @ torch.arange(8.0, dtype=torch.float64)


def closure():
    optimizer.zero_grad()
    loss = F.mse_loss(X.double() @ w, goal)
    loss.backward()
    return loss


for step in range(40):
    optimizer.step(closure)
""",
}
