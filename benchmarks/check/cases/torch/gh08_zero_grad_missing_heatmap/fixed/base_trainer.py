import torch


def train_epoch(model, train_loader, optimizer, criterion, epoch, max_iters=1000):
    model.train()
    losses = []
    for iter_id, batch in enumerate(train_loader):
        img, heatmap = batch
        out = torch.sigmoid(model(img))
        loss = criterion(out, heatmap)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if iter_id >= max_iters:
            break
    return sum(losses) / len(losses)


def validate(model, loader, criterion):
    model.eval()
    losses = []
    with torch.no_grad():
        for img, heatmap in loader:
            losses.append(criterion(torch.sigmoid(model(img)), heatmap).item())
    return sum(losses) / len(losses)
