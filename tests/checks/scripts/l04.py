"""L04 the loss broadcasts: scripts that must fire and that must not."""

FIRES = {
    "mse of (B, 1) and (B,)": """
import warnings
warnings.simplefilter("ignore")
train(net(1), F.mse_loss, amount)
""",
    "squared difference by hand": "train(net(1), lambda out, t: ((out - t) ** 2).mean(), amount)",
    "absolute difference by hand": "train(net(1), lambda out, t: torch.abs(t - out).mean(), amount)",
    "mse module of (B,) and (B, 1)": """
import warnings
warnings.simplefilter("ignore")
train(net(1), lambda out, t: nn.MSELoss()(out.squeeze(), t[:, None]), amount)
""",
    "log-likelihood by hand": """
train(net(1, nn.Sigmoid()), lambda p, t: -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean(), two.float())
""",
}

SILENT = {
    "equal shapes": "train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount)",
    "pairwise distances on purpose": """
def contrast(out, t):
    z = F.normalize(out, dim=1)
    likeness = z @ z.T
    same = (t[:, None] == t[None, :]).float()
    return ((likeness - same) ** 2).mean()


train(net(4), contrast, two)
""",
    "ranking pairs on purpose": """
def ranking(out, t):
    score = out[:, 0]
    gap = score[:, None] - score[None, :]
    above = (t[:, None] > t[None, :]).float()
    return (above * F.softplus(-gap)).sum() / above.sum()


train(net(1), ranking, amount)
""",
    "a column scaled by a weight per row": """
def weighted(out, t):
    return (torch.ones(len(t), 1) * (out - t[:, None]) ** 2).mean()


train(net(1), weighted, amount)
""",
    "centred by the mean of the batch": """
train(net(1), lambda out, t: ((out[:, 0] - t - (out[:, 0] - t).mean()) ** 2).mean(), amount)
""",
    "several outputs, one target vector for all rows": """
centre = torch.zeros(4)
train(net(4), lambda out, t: ((out - centre) ** 2).sum(1).mean(), amount)
""",
    "evaluation of a distance matrix": """
model = train(net(1), lambda out, t: F.mse_loss(out[:, 0], t), amount)
with torch.no_grad():
    gaps = (model(X) - amount).abs().mean()
""",
}
