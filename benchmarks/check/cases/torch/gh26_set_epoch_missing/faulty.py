import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler


def get_loader(dataset, batch_size, world_size=1, rank=0):
    sampler = DistributedSampler(dataset, num_replicas=world_size, rank=rank, shuffle=True)
    return DataLoader(dataset, batch_size=batch_size, sampler=sampler), sampler


def main():
    torch.manual_seed(0)
    ids = torch.randint(0, 30, (640, 10))
    labels = ((ids == 7).sum(1) > (ids == 3).sum(1)).long()
    loader, sampler = get_loader(TensorDataset(ids, labels), 32)
    model = nn.Sequential(nn.EmbeddingBag(30, 16), nn.Linear(16, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for epoch in range(6):
        tr_loss = 0.0
        for batch in loader:
            inputs, targets = batch
            loss = nn.functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            tr_loss += loss.item()
        print(f"epoch {epoch} train loss {tr_loss / len(loader):.4f}")


if __name__ == "__main__":
    main()
