"""Sound programs with features that look like faults: no check may complain of one."""

TOOLS = """
import copy

held = DataLoader(TensorDataset(X[192:], three[192:]), batch_size=32)
rows = DataLoader(TensorDataset(X[:192], three[:192]), batch_size=16, shuffle=True)


def evaluate(model):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == t).sum().item() for x, t in held)
    model.train()
    return hits / 64


def held_loss(model):
    with torch.no_grad():
        return F.cross_entropy(model(X[192:]), three[192:]).item()


def epoch(model, optimizer, schedule=None):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
"""

SOUND = {
    "stochastic weight averaging": """
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

model = nn.Sequential(nn.Linear(8, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
average = AveragedModel(model)
cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
last = SWALR(optimizer, swa_lr=0.02)
for i in range(10):
    epoch(model, optimizer)
    if i >= 6:
        average.update_parameters(model)
        last.step()
    else:
        cosine.step()
update_bn(rows, average)
print(evaluate(average))
""",
    "layers join the optimizer later": """
model = net(3)
model[0].requires_grad_(False)
optimizer = torch.optim.Adam(model[2].parameters(), lr=1e-2)
for i in range(8):
    if i == 4:
        model[0].requires_grad_(True)
        optimizer.add_param_group({"params": model[0].parameters(), "lr": 1e-3})
    epoch(model, optimizer)
""",
    "a warm-up and a plateau": """
model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
warm = torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, total_iters=12)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
for i in range(15):
    epoch(model, optimizer, warm if i == 0 else None)
    plateau.step(held_loss(model))
""",
    "a buffer that is filled in place": """
states, rewards, n = torch.zeros(1000, 8), torch.zeros(1000), 0
model, target = net(1), net(1)
target.load_state_dict(model.state_dict())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for step in range(200):
    states[n : n + 4] = torch.randn(4, 8)
    rewards[n : n + 4] = states[n : n + 4, 0]
    n = min(n + 4, 996)
    i = torch.randint(0, max(n - 32, 1), (1,)).item()
    x, reward = states[i : i + 32], rewards[i : i + 32]
    with torch.no_grad():
        goal = reward + 0.5 * target(x)[:, 0]
    optimizer.zero_grad()
    F.smooth_l1_loss(model(x)[:, 0], goal).backward()
    optimizer.step()
    if step % 50 == 0:
        target.load_state_dict(model.state_dict())
""",
    "a schedule that begins late": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
for i in range(12):
    epoch(model, optimizer)
    if i > 8:
        schedule.step()
""",
    "a reference copied from a trained model": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(3):
    epoch(model, optimizer)
reference = copy.deepcopy(model)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for _ in range(4):
    for x, t in rows:
        with torch.no_grad():
            known = reference(x).softmax(1)
        out = model(x)
        drift = F.kl_div(out.log_softmax(1), known, reduction="batchmean")
        optimizer.zero_grad()
        (F.cross_entropy(out, t) + 0.1 * drift).backward()
        optimizer.step()
""",
    "cycles with a schedule each": """
model, kept = net(3), []
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
for cycle in range(4):
    for group in optimizer.param_groups:
        group["lr"] = 0.2
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 36)
    for _ in range(3):
        epoch(model, optimizer, schedule)
    kept.append(copy.deepcopy(model))
print([evaluate(one) for one in kept])
""",
    "noise in the held-out rows is the task": """
class Noisy(torch.utils.data.Dataset):
    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i] + 0.1 * torch.randn(8), self.x[i]


noisy, noisy_held = DataLoader(Noisy(X[:192]), 32, shuffle=True), DataLoader(Noisy(X[192:]), 32)
model = net(8)
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for _ in range(5):
    for x, t in noisy:
        optimizer.zero_grad()
        F.mse_loss(model(x), t).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        loss = sum(F.mse_loss(model(x), t).item() for x, t in noisy_held) / 2
    model.train()
""",
    "an image is optimised through a fixed net": """
judge = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
image = torch.randn(1, 3, 16, 16, requires_grad=True)
goal = judge(torch.randn(1, 3, 16, 16)).detach()
optimizer = torch.optim.Adam([image], lr=0.05)
for _ in range(60):
    optimizer.zero_grad()
    F.mse_loss(judge(image), goal).backward()
    optimizer.step()
""",
    "a seed for fixed samples, put back": """
maker = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.Adam(maker.parameters(), 1e-2)
for _ in range(5):
    for x, _ in rows:
        out = maker(torch.randn(len(x), 4))
        optimizer.zero_grad()
        ((out.mean(0) - x.mean(0)).pow(2).sum() + (out.std(0) - x.std(0)).pow(2).sum()).backward()
        optimizer.step()
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        print(maker(torch.randn(3, 4)).norm().item())
""",
    "losses are kept detached": """
model, history = net(3), []
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for i in range(6):
    total = 0.0
    for x, t in rows:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        history.append(loss.detach())
    print(i, total / 192, evaluate(model))
""",
    "a whole module is read from a file": """
import io

file = io.BytesIO()
torch.save(nn.Sequential(nn.Linear(8, 16), nn.ReLU()), file)
file.seek(0)
encoder, head = torch.load(file, weights_only=False), nn.Linear(16, 3)
optimizer = torch.optim.Adam(head.parameters(), 1e-2)
for _ in range(5):
    for x, t in rows:
        optimizer.zero_grad()
        F.cross_entropy(head(encoder(x)), t).backward()
        optimizer.step()
""",
    "a transformer, one cycle, the best weights cloned": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.inner, self.body, self.out = nn.Linear(2, 16), nn.TransformerEncoder(layer, 2), nn.Linear(16, 3)

    def forward(self, x):
        return self.out(self.body(self.inner(x.view(-1, 4, 2))).mean(1))


model, best, kept = Net(), 0, None
optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=8 * 12)
for _ in range(8):
    epoch(model, optimizer, schedule)
    score = evaluate(model)
    if score > best:
        best, kept = score, {k: v.clone() for k, v in model.state_dict().items()}
model.load_state_dict(kept)
print(evaluate(model))
""",
    "stopped early, the best model copied": """
model = net(3)
optimizer = torch.optim.Adam(model.parameters(), 5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)
best, bad, best_model = 9.0, 0, None
for _ in range(30):
    epoch(model, optimizer)
    schedule.step()
    loss = held_loss(model)
    if loss < best:
        best, bad, best_model = loss, 0, copy.deepcopy(model)
    else:
        bad += 1
    if bad > 3:
        break
print(evaluate(best_model))
""",
}
