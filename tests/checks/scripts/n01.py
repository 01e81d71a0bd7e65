"""N01 where the first NaN is born: scripts that must fire and that must not."""

FIRES = {
    "log of zero in the loss": """
train(net(1, nn.ReLU()), lambda p, t: -(t * p[:, 0].log() + (1 - t) * torch.log(1 - p[:, 0])).mean(), two.float())
""",
    "the root of a distance of nought": """
train(net(2), lambda out, t: ((out - out[:1]) ** 2).sum(1).sqrt().sub(t.float()).pow(2).mean(), two)
""",
    "a layer that divides by zero": """
class Scale(nn.Module):
    def forward(self, x):
        return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, correction=0)


model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1), Scale(), nn.Linear(1, 3))
train(model, F.cross_entropy, three)
""",
    "a learning rate that blows up": "train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount * 1e4, lr=1e30)",
    "NaN in the data": "Y = X.clone(); Y[5, 3] = float('nan'); train(net(3), F.cross_entropy, three, X=Y)",
    "a mean over no target": """
labels = three.clone()
labels[:64] = -100
model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for x, t in batches(labels, shuffle=False):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), t, ignore_index=-100)
    loss.backward()
    optimizer.step()
""",
}

ALSO = {
    "NaN in the data": {"D04"},
    "a mean over no target": {"D11"},
}
SILENT = {
    "finite": "train(net(3), F.cross_entropy, three)",
    "minus infinity as a mask before softmax": """
class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.score, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        scores = self.score(x).masked_fill(x < -0.5, float("-inf"))
        return self.head(torch.softmax(torch.cat([scores, x.new_zeros(len(x), 1)], 1), 1)[:, :8] * x)


train(Masked(), F.cross_entropy, three)
""",
    "infinite gradients of the first scaled steps": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=1000)
for x, t in list(batches(three)) * 3:
    optimizer.zero_grad()
    scaler.scale(F.cross_entropy(model(x), t)).backward()
    scaler.step(optimizer)
    scaler.update()
""",
}
