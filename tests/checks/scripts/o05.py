"""O05 clipping where it does nothing: scripts that must fire and that must not."""

_LOOP = """
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

model = net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(2):
    for x, t in batches(three):
"""

FIRES = {
    "before backward": _LOOP
    + """
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        clip_grad_norm_(model.parameters(), 1.0)
        loss.backward()
        optimizer.step()
""",
    "after the step": _LOOP
    + """
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        clip_grad_norm_(model.parameters(), max_norm=1.0)
""",
    "by value, after the step": _LOOP
    + """
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        clip_grad_value_(model.parameters(), 0.5)
""",
    "used gradients, before backward": _LOOP
    + """
        loss = F.cross_entropy(model(x), t)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
""",
}

SILENT = {
    "between backward and step": _LOOP
    + """
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
""",
    "only the norm is asked for": _LOOP
    + """
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
        norm = clip_grad_norm_(model.parameters(), float("inf"))
""",
    "at the end of an accumulation": _LOOP
    + """
        for part, goal in zip(x.chunk(2), t.chunk(2)):
            (F.cross_entropy(model(part), goal) / 2).backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
""",
    "after every micro-batch": _LOOP
    + """
        for part, goal in zip(x.chunk(2), t.chunk(2)):
            (F.cross_entropy(model(part), goal) / 2).backward()
            clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
""",
}
