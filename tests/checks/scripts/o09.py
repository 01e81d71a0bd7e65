"""O09 a constant of the optimizer is far off: scripts that must fire and that must not."""

_LOOP = """
model = net(3)
optimizer = torch.optim.MAKE
for epoch in range(EPOCHS):
    for x, t in batches(three):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""


def _script(make: str, epochs: int = 5) -> str:
    return _LOOP.replace("MAKE", make).replace("EPOCHS", str(epochs))


FIRES = {
    "a momentum of 0.999": _script("SGD(model.parameters(), lr=0.3, momentum=0.999)", 10),
    "the betas in each other's place": _script("Adam(model.parameters(), lr=1e-3, betas=(0.999, 0.9))"),
    "an eps as large as the gradients": _script("Adam(model.parameters(), lr=1e-4, eps=1.0)"),
    "decay that is added to the gradient": _script("Adam(model.parameters(), lr=1e-2, weight_decay=1.0)", 10),
}

SILENT = {
    "decay of its own": _script("AdamW(model.parameters(), lr=1e-2, weight_decay=1.0)"),
    "the usual momentum": _script("SGD(model.parameters(), lr=0.1, momentum=0.9)"),
    "the betas of a GAN": _script("Adam(model.parameters(), lr=1e-3, betas=(0.0, 0.9))"),
    "the eps of reinforcement learning": _script("Adam(model.parameters(), lr=1e-3, eps=1e-5)"),
}
