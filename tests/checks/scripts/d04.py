"""D04 inputs that are not finite or not there: scripts that must fire and that must not."""

FIRES = {
    "one NaN": "Y = X.clone(); Y[100, 3] = float('nan'); train(net(3), F.cross_entropy, three, X=Y)",
    "infinite after a logarithm": "Y = torch.log(X.clamp(min=0)); train(net(3), F.cross_entropy, three, X=Y)",
    "every row is equal": "train(net(3), F.cross_entropy, three, X=torch.zeros(256, 8))",
}
SILENT = {
    "finite": "train(net(3), F.cross_entropy, three)",
    "a constant column": "Y = X.clone(); Y[:, 2] = 1.0; train(net(3), F.cross_entropy, three, X=Y)",
}
