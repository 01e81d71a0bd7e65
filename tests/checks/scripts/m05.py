"""M05 gradients vanish with depth: scripts that must fire and that must not."""

FIRES = {
    "twenty layers of sigmoids": """
layers = [nn.Linear(8, 16)]
for _ in range(20):
    layers += [nn.Sigmoid(), nn.Linear(16, 16)]
train(nn.Sequential(*layers, nn.Linear(16, 3)), F.cross_entropy, three, epochs=15, lr=1e-3)
""",
}
SILENT = {
    "a usual net": "train(net(3), F.cross_entropy, three)",
    "deep with residuals": """
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Linear(16, 16)

    def forward(self, x):
        return x + torch.tanh(self.f(x)) / 4


model = nn.Sequential(nn.Linear(8, 16), *[Block() for _ in range(16)], nn.Linear(16, 3))
train(model, F.cross_entropy, three, lr=1e-3)
""",
}
