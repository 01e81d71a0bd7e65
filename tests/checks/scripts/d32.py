"""D32 each worker reads all rows: scripts that must fire and that must not."""

_STREAM = """
from torch.utils.data import IterableDataset, get_worker_info


class Stream(IterableDataset):
    def __iter__(self):
        worker = get_worker_info()
        first, step = PART
        for i in range(first, 256, step):
            yield X[i], three[i]


model = net(3)
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(2):
    for x, t in DataLoader(Stream(), batch_size=16, num_workers=WORKERS):
        optimizer.zero_grad()
        F.cross_entropy(model(x), t).backward()
        optimizer.step()
"""
FIRES = {"two workers, one stream": _STREAM.replace("PART", "0, 1").replace("WORKERS", "2")}

SILENT = {
    "each worker has its part": _STREAM.replace("PART", "worker.id, worker.num_workers").replace("WORKERS", "2"),
    "one worker": _STREAM.replace("PART", "0, 1").replace("WORKERS", "1"),
}
