"""L09 a loss with the sign turned: scripts that must fire and that must not."""

FIRES = {
    "minus cross-entropy": "train(net(3), lambda out, t: -F.cross_entropy(out, t), three, epochs=10)",
    "minus mean squared error": "train(net(1), lambda out, t: -F.mse_loss(out[:, 0], t), amount, epochs=10)",
}

SILENT = {
    "the loss itself": "train(net(3), F.cross_entropy, three)",
    "an entropy bonus is subtracted": """
def loss_of(out, t):
    p = out.softmax(1)
    return F.cross_entropy(out, t) - 0.01 * -(p * torch.log(p + 1e-9)).sum(1).mean()


train(net(3), loss_of, three)
""",
    "policy gradient": """
policy = net(3)
optimizer = torch.optim.Adam(policy.parameters())
for step in range(40):
    chances = torch.distributions.Categorical(logits=policy(X))
    action = chances.sample()
    gain = (action == three).float() - 0.3
    optimizer.zero_grad()
    (-(chances.log_prob(action) * gain).mean()).backward()
    optimizer.step()
""",
    "the domain classifier is fooled": """
body, head, other = nn.Linear(8, 8), nn.Linear(8, 3), nn.Linear(8, 2)
optimizer = torch.optim.Adam([*body.parameters(), *head.parameters()])
for x, t in list(batches(three)) * 3:
    h = body(x)
    optimizer.zero_grad()
    (F.cross_entropy(head(h), t) - 0.1 * F.cross_entropy(other(h), (x[:, 0] > 0).long())).backward()
    optimizer.step()
""",
}
