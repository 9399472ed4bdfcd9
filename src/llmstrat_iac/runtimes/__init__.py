"""The built-in runtimes: where open models are trained and served. Light halves; they don't import each other."""
