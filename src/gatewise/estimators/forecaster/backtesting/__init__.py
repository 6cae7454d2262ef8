"""Rolling origin: the same settings fitted again and again, each time tested on what came next."""
