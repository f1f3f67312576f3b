"""What people said, made again: conditions, measurements, and the fit of the opinions to them."""
