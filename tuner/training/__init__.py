"""What teaches the model: material, labels, features, training, listening tests."""
