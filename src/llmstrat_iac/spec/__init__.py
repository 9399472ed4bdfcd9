"""The YAML spec: what users write, as pydantic models, and the one way to read it with positions."""
