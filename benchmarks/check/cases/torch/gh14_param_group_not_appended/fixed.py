import torch
from torch import nn, optim

torch.manual_seed(0)


class Tagger(nn.Module):
    def __init__(self, vocab=50, labels=5):
        super().__init__()
        self.bert = nn.Embedding(vocab, 32)
        self.encoder_conv = nn.Conv1d(32, 32, 3, padding=1)
        self.fc = nn.Linear(32, labels)

    def forward(self, ids):
        h = self.bert(ids)
        h = torch.relu(self.encoder_conv(h.transpose(1, 2)).transpose(1, 2))
        return self.fc(h)


def multimodal_before_train(model):
    parameters = []
    params = {"lr": 1e-2, "weight_decay": 1e-2}
    params["params"] = []
    for name, param in model.named_parameters():
        if "bert" in name:
            params["params"].append(param)
    parameters.append(params)

    params = {"lr": 1e-2, "weight_decay": 1e-2}
    params["params"] = []
    for name, param in model.named_parameters():
        if "encoder_conv" in name:
            params["params"].append(param)
    parameters.append(params)

    params = {"lr": 5e-2, "weight_decay": 1e-2}
    params["params"] = []
    for name, param in model.named_parameters():
        if "crf" in name or name.startswith("fc"):
            params["params"].append(param)
    parameters.append(params)
    return optim.AdamW(parameters)


ids = torch.randint(0, 50, (600, 12))
tags = (ids + torch.roll(ids, 1, 1)) % 5
model = Tagger()
optimizer = multimodal_before_train(model)
for epoch in range(4):
    for i in range(0, 512, 32):
        logits = model(ids[i : i + 32])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), tags[i : i + 32].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    acc = (model(ids[512:]).argmax(-1) == tags[512:]).float().mean()
    print("epoch", epoch, "loss %.3f acc %.3f" % (loss.item(), acc.item()))
