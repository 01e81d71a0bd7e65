"""Short training programs with an unusual trait, each printing what must be the same with and without watch."""

from __future__ import annotations

BASE = """
import sys, torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
X, Y = torch.randn(128, 8), torch.randint(0, 3, (128,))
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loader = DataLoader(TensorDataset(X, Y), batch_size=32, shuffle=True)

def epoch(model, optimizer, loader=loader):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        print(loss.item().hex())

def evaluate(model):
    model.eval()
    with torch.no_grad():
        print(F.cross_entropy(model(X), Y).item().hex())
"""

TRAINS: dict[str, str] = {
    "the usual loop": "for _ in range(3):\n    epoch(model, optimizer)\n    evaluate(model)\n",
    "random streams of three libraries": """
import random, numpy as np
random.seed(1), np.random.seed(2)
epoch(model, optimizer)
print(random.random(), np.random.rand(), torch.rand(3).tolist(), torch.get_rng_state().sum().item())
""",
    "convolutions and batch normalisation": """
net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
images = torch.rand(128, 1, 8, 8)
for _ in range(3):
    epoch(net, optimizer, DataLoader(TensorDataset(images, Y), 32, shuffle=True))
print([b.float().sum().item().hex() for b in net.buffers()])
""",
    "torch.compile": """
compiled = torch.compile(model, backend="eager")
for _ in range(2):
    epoch(compiled, optimizer)
    evaluate(compiled)
""",
    "mixed precision with a loss scaler": """
scaler = torch.amp.GradScaler("cpu")
for x, y in loader:
    optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = F.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
    print(loss.item().hex(), scaler.get_scale())
""",
    "workers of a data loader": """
epoch(model, optimizer, DataLoader(TensorDataset(X, Y), 32, shuffle=True, num_workers=2))
""",
    "two models, two optimizers": """
judge = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
other = torch.optim.RMSprop(judge.parameters(), lr=0.001)
for x, y in loader:
    fake = model(x)
    other.zero_grad()
    loss = F.softplus(judge(fake.detach())).mean() + F.softplus(-judge(F.one_hot(y, 3).float())).mean()
    loss.backward()
    other.step()
    optimizer.zero_grad()
    gain = F.softplus(-judge(fake)).mean()
    gain.backward()
    optimizer.step()
    print(loss.item().hex(), gain.item().hex())
""",
    "closures of L-BFGS": """
model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=5)
def closure():
    optimizer.zero_grad()
    loss = F.cross_entropy(model(X), Y)
    loss.backward()
    return loss
for _ in range(3):
    print(optimizer.step(closure).item().hex())
""",
    "functional transforms": """
from torch.func import functional_call, grad_and_value, vmap
weights = {k: v.detach() for k, v in model.named_parameters()}
model.eval()
def loss_of(weights, x, y):
    return F.cross_entropy(functional_call(model, weights, (x[None],)), y[None])
for _ in range(3):
    grads, losses = vmap(grad_and_value(loss_of), (None, 0, 0))(weights, X, Y)
    weights = {k: w - 0.1 * grads[k].mean(0) for k, w in weights.items()}
    print(losses.mean().item().hex())
""",
    "hooks and a custom autograd function": """
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x
    @staticmethod
    def backward(ctx, g):
        return 2 * g
seen = []
model[0].register_forward_hook(lambda m, i, o: seen.append(o.mean().item().hex()))
model[0].weight.register_hook(lambda g: g * 0.5)
for x, y in loader:
    optimizer.zero_grad()
    loss = F.cross_entropy(Double.apply(model(x)), y)
    loss.backward()
    optimizer.step()
    print(loss.item().hex(), seen[-1])
""",
    "sparse embeddings, a recurrent net, a scheduler": """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.e, self.r, self.o = nn.Embedding(20, 8, sparse=True), nn.LSTM(8, 12, batch_first=True), nn.Linear(12, 3)
    def forward(self, x):
        return self.o(self.r(self.e(x))[0][:, -1])
net = Net()
first = torch.optim.SparseAdam(net.e.parameters(), lr=0.01)
rest = torch.optim.Adam([*net.r.parameters(), *net.o.parameters()])
schedule = torch.optim.lr_scheduler.OneCycleLR(rest, 0.01, total_steps=8)
tokens = torch.randint(0, 20, (128, 5))
for i in range(8):
    first.zero_grad(), rest.zero_grad()
    loss = F.cross_entropy(net(tokens[:32]), Y[:32])
    loss.backward()
    first.step(), rest.step(), schedule.step()
    print(loss.item().hex(), schedule.get_last_lr()[0].hex())
""",
    "infinities among the logits": """
for x, _ in loader:
    z = torch.nn.functional.normalize(model(x), dim=1)
    scores = z @ z.T / 0.1
    scores.fill_diagonal_(float("-inf"))
    loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(z)).roll(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item())
""",
    "training in a thread": """
import threading
thread = threading.Thread(target=lambda: epoch(model, optimizer))
thread.start()
thread.join()
evaluate(model)
""",
    "weights saved, loaded and copied": """
import copy, io
epoch(model, optimizer)
buffer = io.BytesIO()
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
print(len(buffer.getvalue()))
buffer.seek(0)
known = torch.load(buffer)
twin = copy.deepcopy(model)
twin.load_state_dict(known["model"])
again = torch.optim.Adam(twin.parameters(), lr=0.01)
again.load_state_dict(known["optimizer"])
epoch(twin, again)
""",
    "a scripted and a traced module": """
scripted = torch.jit.script(nn.Sequential(nn.Linear(8, 4), nn.ReLU()))
traced = torch.jit.trace(model.eval(), X[:2])
print(scripted(X).sum().item().hex(), traced(X).sum().item().hex())
epoch(model, optimizer)
""",
}
"""Programs that train, behind BASE."""

ENDS: dict[str, tuple[str, int]] = {
    "never trains": ("print('only prints')\n", 0),
    "arguments and their parser": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\n"
        "print(p.parse_args().lr)\n",
        0,
    ),
    "sys.exit with a number": ("import sys\nprint('x')\nsys.exit(3)\n", 3),
    "sys.exit with a text": ("import sys\nsys.exit('it is over')\n", 1),
    "an exception with a cause": (
        "def inner():\n    return {}['missing']\n\ntry:\n    inner()\nexcept KeyError as e:\n"
        "    raise ValueError('outer') from e\n",
        1,
    ),
    "os._exit": ("import os\nprint('here', flush=True)\nos._exit(5)\n", 5),
    "a fork whose child goes on to the end": (
        "import os\npid = os.fork()\nif pid:\n    os.waitpid(pid, 0)\n"
        "print('parent' if pid else 'child', flush=True)\n",
        0,
    ),
    "a child process of multiprocessing": (
        "import multiprocessing as m\n\ndef f(q):\n    q.put(4)\n\nif __name__ == '__main__':\n"
        "    q = m.get_context('fork').Queue()\n    p = m.get_context('fork').Process(target=f, args=(q,))\n"
        "    p.start()\n    print(q.get())\n    p.join()\n",
        0,
    ),
    "its own file, module and path": (
        "import os, sys\nprint(os.path.basename(__file__), __name__, os.path.basename(sys.argv[0]), sys.argv[1:],"
        " os.path.isabs(sys.path[0]))\nimport neighbour\n",
        0,
    ),
    "functions that are pickled": (
        "import pickle\n\ndef f():\n    return 1\n\nprint(pickle.loads(pickle.dumps(f))())\n",
        0,
    ),
}
"""Programs with their exit code; they are run with the arguments `--lr 0.5` where they read them."""
