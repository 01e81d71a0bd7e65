"""L01 probabilities into cross-entropy: scripts that must fire and that must not."""

FIRES = {
    "softmax as the last layer": "train(net(3, nn.Softmax(dim=1)), nn.CrossEntropyLoss(), three)",
    "softmax in the loop": "train(net(3), lambda out, t: F.cross_entropy(torch.softmax(out, 1), t), three)",
    "softmax in forward, loss by function": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 3)

    def forward(self, x):
        return F.softmax(self.fc(x), dim=-1)


train(Net(), F.cross_entropy, three)
""",
    "softmax over the pixels' classes": """
images = torch.randn(32, 1, 8, 8)
masks = (images[:, 0] > 0).long()
train(nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Softmax2d()), F.cross_entropy, masks, X=images)
""",
    "hand-made softmax": """
def hand_made(out, t):
    e = torch.exp(out)
    return F.cross_entropy(e / e.sum(1, keepdim=True), t)


train(net(3), hand_made, three)
""",
}

SILENT = {
    "logits": "train(net(3), nn.CrossEntropyLoss(), three)",
    "log-probabilities are harmless": "train(net(3, nn.LogSoftmax(dim=1)), nn.CrossEntropyLoss(), three)",
    "softmax as a target (distillation)": """
teacher = net(3)
train(net(3), lambda out, t: F.cross_entropy(out, torch.softmax(teacher(X[:len(t)]).detach(), 1)), three)
""",
    "softmax of the attention, logits of the head": """
class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.score, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(x * torch.softmax(self.score(x), dim=1))


train(Attend(), F.cross_entropy, three)
""",
    "negative log likelihood of softmax written by hand": """
train(net(3), lambda out, t: F.nll_loss(torch.log(torch.softmax(out, 1)), t), three)
""",
    "softmax only for the report": """
model = train(net(3), F.cross_entropy, three)
with torch.no_grad():
    confidence = model(X).softmax(1).max(1).values.mean()
""",
    "label smoothing and mixed targets": """
train(net(3), lambda out, t: F.cross_entropy(out, 0.9 * F.one_hot(t, 3).float() + 0.1 / 3), three)
""",
}
