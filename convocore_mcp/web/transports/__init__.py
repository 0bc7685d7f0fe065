"""What the SDK's HTTP transports need around them."""
