"""L03 the loss gets what another loss wants: scripts that must fire and that must not."""

FIRES = {
    "sigmoid before the loss that has its own": """
train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two)
""",
    "sigmoid in the loop": """
criterion = nn.BCEWithLogitsLoss()
train(net(1), lambda out, t: criterion(torch.sigmoid(out).squeeze(1), t.float()), two)
""",
    "negative log likelihood of raw outputs": "train(net(3), F.nll_loss, three)",
    "negative log likelihood of probabilities": "train(net(3, nn.Softmax(1)), nn.NLLLoss(), three)",
    "softmax with independent labels": """
hot = F.one_hot(three, 3).float()
train(net(3, nn.Softmax(1)), F.binary_cross_entropy_with_logits, hot)
""",
    "kl_div of probabilities": """
hot = F.one_hot(three, 3).float() * 0.9 + 0.1 / 3
train(net(3, nn.Softmax(1)), lambda out, t: F.kl_div(out, t, reduction="batchmean"), hot)
""",
}
FIRES["output and target change places"] = (
    "train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(t.float(), out[:, 0]), two)"
)

FIRES |= {
    "a rate into a loss of its logarithm": """
counts = torch.poisson(torch.exp(0.3 * amount))
train(net(1, nn.Softplus()), lambda out, t: nn.PoissonNLLLoss()(out[:, 0], t), counts)
""",
}

SILENT = {
    "a rate, and it is said": """
counts = torch.poisson(torch.exp(0.3 * amount))
train(net(1, nn.Softplus()), lambda out, t: nn.PoissonNLLLoss(log_input=False)(out[:, 0], t), counts)
""",
    "logits": "train(net(1), lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two)",
    "sigmoid and the loss of probabilities": """
train(net(1, nn.Sigmoid()), lambda out, t: F.binary_cross_entropy(out[:, 0], t.float()), two)
""",
    "log_softmax and nll": "train(net(3, nn.LogSoftmax(1)), nn.NLLLoss(), three)",
    "logits that happen to lie in [0, 1]": """
model = net(1)
nn.init.uniform_(model[2].weight, 0, 1e-3)
nn.init.constant_(model[2].bias, 0.5)
train(model, lambda out, t: F.binary_cross_entropy_with_logits(out[:, 0], t.float()), two, lr=1e-5)
""",
    "a gate of sigmoids inside": """
class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.value, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.head(torch.sigmoid(self.gate(x)) * self.value(x))[:, 0]


train(Gate(), lambda out, t: F.binary_cross_entropy_with_logits(out, t.float()), two)
""",
    "kl_div of log-probabilities": """
hot = F.one_hot(three, 3).float() * 0.9 + 0.1 / 3
train(net(3, nn.LogSoftmax(1)), lambda out, t: F.kl_div(out, t, reduction="batchmean"), hot)
""",
}
