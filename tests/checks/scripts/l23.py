"""L23 the teacher learns from its pupil: scripts that must fire and that must not."""

_START = """
import itertools

teacher, student = net(3), nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))
rows = batches(three)


def step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def pretrain(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(3):
        for x, t in rows:
            step(optimizer, F.cross_entropy(model(x), t))


def soft(out):
    return F.softmax(out / 2, dim=1)


def logs(out):
    return F.log_softmax(out / 2, dim=1)


def kd(s, t):
    return F.kl_div(logs(s), soft(t), reduction="batchmean")

"""
_LOOP = """
pretrain(teacher)
teacher.MODE()
student.train()
optimizer = torch.optim.Adam(itertools.chain(student.parameters(), teacher.parameters()), lr=0.003)
for _ in range(4):
    for x, y in rows:
        s, t = student(x), teacher(x)
        loss = LOSS
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
"""


def _script(loss: str, mode: str = "eval") -> str:
    return _START + _LOOP.replace("LOSS", loss).replace("MODE", mode)


FIRES = {
    "kl_div": _script("kd(s, t) + F.cross_entropy(s, y)"),
    "kl_div alone, in training mode": _script("kd(s, t)", "train"),
    "kl_div of logarithms": _script("F.kl_div(logs(s), logs(t), log_target=True, reduction='batchmean')"),
    "cross_entropy with soft targets": _script("F.cross_entropy(s, soft(t)) + F.cross_entropy(s, y)"),
    "by hand": _script("-(soft(t) * logs(s)).sum(1).mean()"),
    "by hand, with the teacher's entropy": _script("(soft(t) * (logs(t) - logs(s))).sum(1).mean()"),
    "distance of logits": _script("F.mse_loss(s, t) + F.cross_entropy(s, y)"),
    "the teacher's own optimizer goes on": _START
    + """
pretrain(teacher)
one, two = torch.optim.Adam(student.parameters(), lr=0.003), torch.optim.SGD(teacher.parameters(), lr=0.01)
for _ in range(4):
    for x, y in rows:
        loss = kd(student(x), teacher(x)) + F.cross_entropy(student(x), y)
        one.zero_grad()
        two.zero_grad()
        loss.backward()
        one.step()
        two.step()
""",
    "a teacher that was loaded": _START
    + """
teacher.load_state_dict({k: v + 0.1 for k, v in net(3).state_dict().items()})
optimizer = torch.optim.Adam([*student.parameters(), *teacher.parameters()], lr=0.003)
for _ in range(4):
    for x, y in rows:
        step(optimizer, kd(student(x), teacher(x)) + F.cross_entropy(student(x), y))
""",
}

SILENT = {
    "targets without a gradient": _script("kd(s, t.detach()) + F.cross_entropy(s, y)"),
    "distance to logits without a gradient": _script("F.mse_loss(s, t.detach()) + F.cross_entropy(s, y)"),
    "the teacher has a loss of its own": _script("kd(s, t) + F.cross_entropy(s, y) + F.cross_entropy(t, y)", "train"),
    "both ways": _script("kd(s, t) + kd(t, s)", "train"),
    "a distance of two nets in training": _script("F.mse_loss(s, t)", "train"),
    "no optimizer steps the teacher": _START
    + """
pretrain(teacher)
optimizer = torch.optim.Adam(student.parameters(), lr=0.003)
teacher.requires_grad_(False)
for _ in range(4):
    for x, y in rows:
        step(optimizer, kd(student(x), teacher(x)) + F.cross_entropy(student(x), y))
""",
    "mutual learning, a loss and a pass each": _START
    + """
pretrain(teacher)
one, two = torch.optim.Adam(student.parameters(), lr=0.003), torch.optim.Adam(teacher.parameters(), lr=0.003)
for _ in range(4):
    for x, y in rows:
        s, t = student(x), teacher(x)
        step(one, kd(s, t.detach()) + F.cross_entropy(s, y))
        step(two, kd(t, s.detach()) + F.cross_entropy(t, y))
""",
    "the teacher's own loss comes from another line": _START
    + """
pretrain(teacher)
optimizer = torch.optim.Adam([*student.parameters(), *teacher.parameters()], lr=0.003)
for _ in range(4):
    for x, y in rows:
        step(optimizer, kd(student(x), teacher(x)))
        optimizer.zero_grad()
        F.cross_entropy(teacher(x), y).backward()
        optimizer.step()
""",
    "a teacher that follows its student": _START
    + """
mean = net(3)
mean.load_state_dict(teacher.state_dict())
optimizer = torch.optim.Adam(teacher.parameters(), lr=0.003)
for _ in range(4):
    for x, y in rows:
        with torch.no_grad():
            t = mean(x + 0.1 * torch.randn_like(x))
        step(optimizer, kd(teacher(x), t) + F.cross_entropy(teacher(x), y))
        with torch.no_grad():
            for a, b in zip(mean.parameters(), teacher.parameters()):
                a.lerp_(b, 0.05)
""",
    "two views through one net": _START
    + """
pretrain(teacher)
optimizer = torch.optim.Adam(teacher.parameters(), lr=0.003)
for _ in range(4):
    for x, y in rows:
        a, b = teacher(x + 0.1 * torch.randn_like(x)), teacher(x + 0.1 * torch.randn_like(x))
        step(optimizer, kd(a, b) + F.cross_entropy(a, y))
""",
    "actor and critic": _START
    + """
actor, critic = net(3), net(3)
pretrain(critic)
one, two = torch.optim.Adam(actor.parameters(), lr=0.003), torch.optim.Adam(critic.parameters(), lr=0.003)
for _ in range(4):
    for x, y in rows:
        p = F.softmax(actor(x), 1)
        step(one, (p * (F.log_softmax(actor(x), 1) - critic(x).detach())).sum(1).mean())
        step(two, F.cross_entropy(critic(x), y))
""",
}
