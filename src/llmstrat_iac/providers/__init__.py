"""The built-in providers of closed models. Each module is an ordinary plugin; none imports another."""
