"""The built-in strategies. Each package is an ordinary plugin; none imports another."""
