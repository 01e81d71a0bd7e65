import torch
import torch.optim as optim
from base_trainer import train_epoch, validate
from court import CourtDataset, CourtNet
from torch.utils.data import DataLoader

if __name__ == "__main__":
    torch.manual_seed(0)
    train_loader = DataLoader(CourtDataset(256, seed=1), batch_size=16, shuffle=True)
    val_loader = DataLoader(CourtDataset(64, seed=2), batch_size=16)
    model = CourtNet()
    criterion = torch.nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.999), weight_decay=0)
    for epoch in range(6):
        train_loss = train_epoch(model, train_loader, optimizer, criterion, epoch)
        val_loss = validate(model, val_loader, criterion)
        print("train_loss = {:.5f}, val_loss = {:.5f}".format(train_loss, val_loss))
