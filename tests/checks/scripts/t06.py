"""T06 gradients switched off: scripts that must fire and that must not."""

FIRES = {
    "forward leaves the switch off": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.memory = nn.Linear(8, 3), None

    def forward(self, x):
        out = self.fc(x)
        torch.set_grad_enabled(False)
        self.memory = out.mean()
        return out


train(Net(), F.cross_entropy, three)
""",
    "an evaluation switches gradients off for good": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(2):
    for x, t in batches(three):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
    torch.set_grad_enabled(False)
    hits = (model(X).argmax(1) == three).sum()
""",
    "the step of LBFGS stands under no_grad": """
model = net(3)
optimizer = torch.optim.LBFGS(model.parameters())


def closure():
    with torch.no_grad():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), three)
    loss.backward()
    return loss


optimizer.step(closure)
""",
    "the training forward stands under no_grad": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for x, t in batches(three):
    optimizer.zero_grad()
    with torch.no_grad():
        out = model(x)
    loss = F.cross_entropy(out, t)
    loss.backward()
    optimizer.step()
""",
}

SILENT = {
    "the usual loop": "train(net(3), F.cross_entropy, three)",
    "a frozen trunk under no_grad": """
trunk, head = nn.Linear(8, 32), nn.Linear(32, 3)
optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
for epoch in range(3):
    for x, t in batches(three):
        with torch.no_grad():
            features = trunk(x)
        optimizer.zero_grad()
        F.cross_entropy(head(features), t).backward()
        optimizer.step()
""",
    "switched off for the evaluation and on again": """
model = net(3)
for epoch in range(2):
    torch.set_grad_enabled(True)
    train(model, F.cross_entropy, three, epochs=1)
    torch.set_grad_enabled(False)
    hits = (model(X).argmax(1) == three).sum()
torch.set_grad_enabled(True)
""",
    "switched off after the training": """
model = train(net(3), F.cross_entropy, three)
torch.set_grad_enabled(False)
hits = (model(X).argmax(1) == three).sum()
""",
}
