"""The commands for the mirror: `sync`, `status`, `forget` and `purge`."""
